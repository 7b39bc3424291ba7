package tenantfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// cursor is where a truncated Exchange answer continues. It lives on one backend server, which the anchor mailbox leads to.
type cursor struct {
	offset  int
	anchor  string
	expires time.Time
}

const (
	cursorLife        = 30 * time.Minute
	defaultResultSize = 1000
	truncatedText     = "There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter."
)

// checkCursor refuses a $skiptoken that is unknown, expired, or came to another backend server.
func (c *exchangeCall) checkCursor() *response {
	token := c.query.Get("$skiptoken")
	if token == "" {
		return nil
	}
	cur, ok := c.t.cursors[token]
	if ok && !c.t.exchange.RefusePaging && c.now.Before(cur.expires) && cur.anchor == c.r.Header.Get("X-AnchorMailbox") {
		return nil
	}
	delete(c.t.cursors, token)
	return c.fail(http.StatusBadRequest, "BadRequest", exchangeError{text: "Expired or Invalid pagination request. Default Expiry time is 00:30:00"})
}

// resultSize reads the ResultSize parameter; zero means unlimited, a negative number that it is not valid.
func (c *exchangeCall) resultSize() int {
	switch v := folded(c.input.Parameters, "ResultSize").(type) {
	case nil:
		return defaultResultSize
	case float64:
		if v >= 1 {
			return int(v)
		}
	case string:
		if strings.EqualFold(v, "Unlimited") {
			return 0
		}
		if n, err := strconv.Atoi(v); err == nil && n > 0 {
			return n
		}
	}
	return -1
}

// maxPageSize reads the Prefer header; zero means that the client did not ask.
func (c *exchangeCall) maxPageSize() int {
	v, ok := strings.CutPrefix(c.r.Header.Get("Prefer"), "odata.maxpagesize=")
	n, err := strconv.Atoi(v)
	if !ok || err != nil || n < 1 {
		return 0
	}
	return n
}

// page answers the rows: from the cursor on, cut to the result size (with a warning) and to the page size (with a link).
func (c *exchangeCall) page(rows []map[string]any) *response {
	size := c.resultSize()
	if size < 0 {
		return c.badParameter("ResultSize")
	}
	answer := map[string]any{
		"@odata.context":               c.base + "/adminapi/beta/" + c.tenant + "/$metadata#Collection(Exchange.GenericHashTable)",
		"adminapi.warnings@odata.type": "#Collection(String)",
	}
	warnings := []any{}
	if size > 0 && len(rows) > size {
		rows = rows[:size]
		warnings = append(warnings, truncatedText)
	}
	offset := min(c.t.cursors[c.query.Get("$skiptoken")].offset, len(rows))
	rows = rows[offset:]
	if n := c.maxPageSize(); n > 0 && len(rows) > n {
		rows = rows[:n]
		warnings = append(warnings, truncatedText)
		answer["@odata.nextLink"] = c.nextLink(offset + n)
	}
	answer["@adminapi.warnings"] = warnings
	answer["value"] = c.selectRows(rows)
	return c.reply(http.StatusOK, answer)
}

func (c *exchangeCall) nextLink(offset int) string {
	token := c.s.guid()
	c.t.cursors[token] = cursor{offset: offset, anchor: c.r.Header.Get("X-AnchorMailbox"), expires: c.now.Add(cursorLife)}
	return c.base + "/adminapi/beta/" + c.tenant + "/InvokeCommand?%24skiptoken=" + token
}

// selectRows applies $select of the URL, in any case; annotations come along with their property.
func (c *exchangeCall) selectRows(rows []map[string]any) []any {
	names := c.query.Get("$select")
	out := make([]any, 0, len(rows))
	for _, row := range rows {
		if names == "" {
			out = append(out, row)
			continue
		}
		kept := map[string]any{}
		for key, v := range row {
			property, _, _ := strings.Cut(key, "@")
			for _, name := range strings.Split(names, ",") {
				if strings.EqualFold(strings.TrimSpace(name), property) {
					kept[key] = v
				}
			}
		}
		out = append(out, kept)
	}
	return out
}

// maxExchangeBatch is the number of items that clients put into an Exchange batch.
const maxExchangeBatch = 10

// serveBatch runs each item as a call of its own, with the outer call's token.
func (c *exchangeCall) serveBatch(body []byte) *response {
	var in struct {
		Requests []struct {
			ID, Method, URL string
			Headers         map[string]string
			Body            json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Requests) == 0 || len(in.Requests) > maxExchangeBatch {
		return c.fail(http.StatusBadRequest, "BadRequest", exchangeError{text: "Invalid batch payload format."})
	}
	answers := make([]any, 0, len(in.Requests))
	for _, item := range in.Requests {
		r, err := innerRequest(c.r, item.Method, item.URL, item.Headers)
		if err != nil || !strings.Contains(r.URL.Path, "/InvokeCommand") {
			answers = append(answers, map[string]any{"id": item.ID, "status": http.StatusBadRequest})
			continue
		}
		inner := c.s.routeExchange(r, item.Body, segments(r.URL.EscapedPath())[1:])
		inner.call.Batched = true
		answers = append(answers, batchAnswer(item.ID, c.s.performInner(c.r.Context(), inner)))
	}
	return c.reply(http.StatusOK, map[string]any{"responses": answers})
}

// innerRequest is the request that an item of a batch stands for.
func innerRequest(outer *http.Request, method, url string, headers map[string]string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(outer.Context(), method, url, nil)
	if err != nil {
		return nil, fmt.Errorf("batch item: %w", err)
	}
	r.Host = baseURL(outer)[len("https://"):]
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", outer.Header.Get("Authorization"))
	return r, nil
}
