package tenantfake

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Page sizes of Graph (reference: Microsoft Graph docs, paging; 999 is the most that the directory gives).
const (
	defaultPage = 100
	maxPage     = 999
)

// SetPageSize makes the pages of user lists have at most n users, whatever $top asks for, as Graph may; zero makes them as large as asked.
func (t *Tenant) SetPageSize(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pageMost = n
}

// ExpirePages makes every next link of a user list given out so far answer 400 Directory_ExpiredPageToken.
func (t *Tenant) ExpirePages() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pageAge++
}

// pageSize reads $top and the Prefer header; zero means that $top is out of range.
func (c *graphCall) pageSize() int {
	size := defaultPage
	for _, pref := range strings.Split(c.r.Header.Get("Prefer"), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(pref), "odata.maxpagesize="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				size = min(n, maxPage)
			}
		}
	}
	top := c.option("top")
	if top == "" {
		return size
	}
	n, err := strconv.Atoi(top)
	if err != nil || n < 1 || n > maxPage {
		return 0
	}
	return n
}

// position is where a page continues, as $skiptoken carries it.
type position struct {
	Index int    `json:"i"`
	Delta int    `json:"d,omitempty"` // journal position at the start of an enumeration
	Age   int    `json:"a,omitempty"`
	Time  int64  `json:"t,omitempty"` // Unix seconds
	Path  string `json:"p"`
}

// encode makes the opaque token.
func (p position) encode() string {
	return base64.RawURLEncoding.EncodeToString(marshal(p))
}

// decodePosition reads a token that was given out for this path.
func decodePosition(token, path string) (position, bool) {
	var p position
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(raw, &p) != nil || p.Path != path || p.Index < 0 || p.Delta < 0 {
		return position{}, false
	}
	return p, true
}

// link is the called URL with one option replaced.
func (c *graphCall) link(option, token string) string {
	q := url.Values{}
	for name, values := range c.query {
		if !strings.HasSuffix(name, "skiptoken") && !strings.HasSuffix(name, "deltatoken") {
			q[name] = values
		}
	}
	q.Set("$"+option, token)
	return c.base + "/" + c.version + c.path + "?" + q.Encode()
}

// userPage lists users that want accepts, from the position of $skiptoken on, without holding more than the page in memory.
func (c *graphCall) userPage(p Path, want func(*User) *User) *response {
	size := c.pageSize()
	if size == 0 {
		return c.badRequest("Invalid page size specified: '" + c.option("top") + "'. Must be between 1 and 999 inclusive.")
	}
	if c.option("orderby") != "" || c.option("search") != "" || c.option("expand") != "" {
		return c.notImplemented()
	}
	props, resp := c.selected()
	if resp != nil {
		return resp
	}
	keep, resp := c.filter(userFilters)
	if resp != nil {
		return resp
	}
	start := position{Path: c.path}
	if token := c.option("skiptoken"); token != "" {
		var ok bool
		if start, ok = decodePosition(token, c.path); !ok || start.Age != c.t.pageAge {
			return c.fail(http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.")
		}
	}
	if c.t.pageMost > 0 {
		size = min(size, c.t.pageMost)
	}
	accept := func(rec *userRecord) *User {
		u := want(c.see(rec, p))
		if u == nil || keep != nil && !keep.matches(u.property) {
			return nil
		}
		return u
	}
	return c.writePage(start.Index, size, props, accept)
}

func (c *graphCall) writePage(index, size int, props []string, accept func(*userRecord) *User) *response {
	var items []byte
	n := 0
	for ; index < len(c.t.users) && n < size; index++ {
		if u := accept(c.t.users[index]); u != nil {
			if n > 0 {
				items = append(items, ',')
			}
			items = appendUser(items, u, props)
			n++
		}
	}
	head := map[string]any{"@odata.context": c.context(c.userContext(""))}
	if c.advanced() {
		head["@odata.count"] = c.countIf(accept)
	}
	if c.more(index, accept) {
		head["@odata.nextLink"] = c.link("skiptoken", position{Index: index, Age: c.t.pageAge, Path: c.path}.encode())
	}
	return c.list(head, items)
}

// list joins the head of an answer and its already encoded items.
func (c *graphCall) list(head map[string]any, items []byte) *response {
	resp := c.reply(http.StatusOK, head)
	body := append(resp.body[:len(resp.body)-1], `,"value":[`...)
	body = append(body, items...)
	resp.body = append(body, "]}"...)
	return resp
}

func (c *graphCall) countIf(accept func(*userRecord) *User) int {
	n := 0
	for _, rec := range c.t.users {
		if accept(rec) != nil {
			n++
		}
	}
	return n
}

// more reports whether another item follows.
func (c *graphCall) more(index int, accept func(*userRecord) *User) bool {
	for ; index < len(c.t.users); index++ {
		if accept(c.t.users[index]) != nil {
			return true
		}
	}
	return false
}

// collection answers a short list of objects, whole, after $filter and $select.
func (c *graphCall) collection(context string, fields map[string]filterable, objects []map[string]any) *response {
	keep, resp := c.filter(fields)
	if resp != nil {
		return resp
	}
	items := []any{}
	for _, o := range objects {
		if keep == nil || keep.matches(func(name string) any { return o[name] }) {
			items = append(items, pick(o, c.option("select")))
		}
	}
	return c.reply(http.StatusOK, map[string]any{"@odata.context": c.context(context), "value": items})
}

// pick applies $select to an object. The type of an object of a mixed list stays.
func pick(object map[string]any, list string) map[string]any {
	if list == "" {
		return object
	}
	out := map[string]any{}
	for _, name := range append(strings.Split(list, ","), "@odata.type") {
		if v, ok := object[strings.TrimSpace(name)]; ok {
			out[strings.TrimSpace(name)] = v
		}
	}
	return out
}
