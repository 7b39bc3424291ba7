package tenantfake

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// deltaLife is how long a delta token of directory objects is good for (reference: Microsoft Graph docs, delta query overview).
const deltaLife = 7 * 24 * time.Hour

// ExpireDeltaTokens makes every delta and skip token of delta queries given out so far answer 410 Gone with a Location to start over.
func (t *Tenant) ExpireDeltaTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deltaAge++
}

// usersDelta serves the delta query: an enumeration of all users first, then what changed since.
func (c *graphCall) usersDelta() *response {
	for _, option := range []string{"top", "expand", "orderby", "search"} {
		if c.option(option) != "" {
			return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery", "The query option '$"+option+"' is not supported for delta queries.")
		}
	}
	props, resp := c.selected()
	if resp != nil {
		return resp
	}
	only, resp := c.deltaFilter()
	if resp != nil {
		return resp
	}
	seen := c.journalSeen()
	token := c.option("deltatoken")
	switch {
	case token == "latest":
		return c.deltaPage(nil, position{Delta: seen})
	case token != "":
		at, resp := c.deltaPosition(token)
		if resp != nil {
			return resp
		}
		return c.changes(at, seen, props, only)
	case c.option("skiptoken") != "":
		at, resp := c.deltaPosition(c.option("skiptoken"))
		if resp != nil {
			return resp
		}
		return c.enumerate(at, props, only)
	}
	return c.enumerate(position{Delta: seen}, props, only)
}

// deltaPosition reads a token; one that is too old, or of an age before ExpireDeltaTokens, asks for a full synchronisation.
func (c *graphCall) deltaPosition(token string) (position, *response) {
	const gone = "The sync state generation is not found; discard the token and start a full synchronization."
	p, ok := decodePosition(token, c.path)
	switch {
	case !ok:
		return p, c.badRequest("Badly formed token.")
	case p.Age != c.t.deltaAge || p.Delta > len(c.t.journal):
		resp := c.fail(http.StatusGone, "syncStateNotFound", gone)
		resp.header.Set("Location", c.base+"/"+c.version+c.path+"?$deltatoken=")
		return p, resp
	case c.now.Sub(time.Unix(p.Time, 0)) > deltaLife:
		return p, c.fail(http.StatusBadRequest, "syncStateNotFound", gone)
	}
	return p, nil
}

// journalSeen is the part of the journal that the delta replica has.
func (c *graphCall) journalSeen() int {
	lag := c.t.consistency[ReadDelta].VisibleAfter
	n := len(c.t.journal)
	for n > 0 && c.t.journal[n-1].At.Add(lag).After(c.now) {
		n--
	}
	return n
}

// deltaFilter accepts id eq '…' joined by or, and returns the ids; nil means all.
func (c *graphCall) deltaFilter() (map[string]bool, *response) {
	text := c.option("filter")
	if text == "" {
		return nil, nil
	}
	e, err := parseFilter(text)
	only := map[string]bool{}
	if err != nil || !collectIDs(e, only) || len(only) > 50 {
		return nil, c.fail(http.StatusBadRequest, "Request_UnsupportedQuery", "Only up to 50 filters of the form id eq, joined by or, are supported for delta queries.")
	}
	return only, nil
}

func collectIDs(e *expr, into map[string]bool) bool {
	switch {
	case e.op == "or":
		return collectIDs(e.left, into) && collectIDs(e.right, into)
	case e.op == "eq" && e.field == "id":
		id, ok := e.value.(string)
		into[strings.ToLower(id)] = true
		return ok
	}
	return false
}

// enumerate gives the next page of all users. Changes made meanwhile come again with the delta link.
func (c *graphCall) enumerate(at position, props []string, only map[string]bool) *response {
	var items []byte
	index, size := at.Index, c.pageSize()
	for n := 0; index < len(c.t.users) && n < size; index++ {
		u := live(c.see(c.t.users[index], ReadDelta))
		if u != nil && (only == nil || only[u.ID]) {
			items = append(appendUser(items, u, props), ',')
			n++
		}
	}
	at.Index = index
	return c.deltaPage(items, at)
}

// changes gives what happened between a delta token and now, each user once.
func (c *graphCall) changes(at position, seen int, props []string, only map[string]bool) *response {
	var items []byte
	done := map[int]bool{}
	for _, ch := range c.t.journal[min(at.Delta, seen):seen] {
		rec := c.t.users[ch.Index]
		if done[ch.Index] || only != nil && !only[rec.key] {
			continue
		}
		done[ch.Index] = true
		items = append(append(items, marshal(c.changed(rec, props))...), ',')
	}
	return c.deltaPage(items, position{Index: len(c.t.users), Delta: seen})
}

func (c *graphCall) changed(rec *userRecord, props []string) map[string]any {
	u := c.see(rec, ReadDelta)
	switch {
	case u == nil:
		return map[string]any{"id": rec.key, "@removed": map[string]any{"reason": "deleted"}}
	case !u.Deleted.IsZero():
		return map[string]any{"id": u.ID, "@removed": map[string]any{"reason": "changed"}}
	}
	return u.project(props)
}

// deltaPage answers items, each with a comma behind it, with the link to the next page, or to the next round when the enumeration is through.
func (c *graphCall) deltaPage(items []byte, at position) *response {
	at.Path, at.Age, at.Time = c.path, c.t.deltaAge, c.now.Unix()
	head := map[string]any{"@odata.context": c.context("users")}
	if at.Index < len(c.t.users) && c.option("deltatoken") == "" {
		head["@odata.nextLink"] = c.link("skiptoken", at.encode())
	} else {
		at.Index = 0
		head["@odata.deltaLink"] = c.link("deltatoken", at.encode())
	}
	return c.list(head, bytes.TrimSuffix(items, []byte(",")))
}
