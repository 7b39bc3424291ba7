package tenantfake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// maxBatch is the most that one Graph batch may hold (reference: Microsoft Graph docs, JSON batching).
const maxBatch = 20

type batchItem struct {
	ID, Method, URL string
	Headers         map[string]string
	Body            json.RawMessage
	DependsOn       []string
}

// parseBatch reads and checks a batch; its error is for the client.
func parseBatch(body []byte) ([]batchItem, error) {
	var in struct{ Requests []batchItem }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errors.New("Invalid batch payload format.")
	}
	if len(in.Requests) == 0 || len(in.Requests) > maxBatch {
		return nil, fmt.Errorf("Number of batch request steps must be between 1 and %d.", maxBatch)
	}
	known := map[string]bool{}
	for _, item := range in.Requests {
		id := strings.ToLower(item.ID)
		switch {
		case id == "" || known[id]:
			return nil, errors.New("Every request in a batch must have a unique id.")
		case item.Method == "" || item.URL == "":
			return nil, fmt.Errorf("Request '%s' lacks a method or a URL.", item.ID)
		case len(item.Body) > 0 && !hasHeader(item.Headers, "Content-Type"):
			return nil, fmt.Errorf("The content-type header is missing for request Id : %s", item.ID)
		}
		for _, d := range item.DependsOn {
			if !known[strings.ToLower(d)] {
				return nil, fmt.Errorf("Request '%s' depends on '%s', which does not come before it.", item.ID, d)
			}
		}
		known[id] = true
	}
	return in.Requests, nil
}

func hasHeader(h map[string]string, name string) bool {
	for k := range h {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// serveBatch runs the items in order, each as a call of its own with its own faults and limits, and answers in any order.
func (c *graphCall) serveBatch() *response {
	items, err := parseBatch(c.body)
	if err != nil {
		return c.fail(http.StatusBadRequest, "BadRequest", err.Error())
	}
	status := map[string]int{}
	answers := make([]any, 0, len(items))
	for _, item := range items {
		resp := c.serveItem(item, status)
		status[strings.ToLower(item.ID)] = resp.status
		answers = append(answers, batchAnswer(item.ID, resp))
	}
	for i, b := range c.s.random(len(answers)) {
		j := int(b) % (i + 1)
		answers[i], answers[j] = answers[j], answers[i]
	}
	return c.reply(http.StatusOK, map[string]any{"responses": answers})
}

func (c *graphCall) serveItem(item batchItem, status map[string]int) *response {
	for _, d := range item.DependsOn {
		if status[strings.ToLower(d)] >= http.StatusBadRequest {
			return c.fail(http.StatusFailedDependency, "FailedDependency", "Request dependency failed.")
		}
	}
	r, err := innerRequest(c.r, item.Method, "/"+c.version+"/"+strings.TrimPrefix(item.URL, "/"), item.Headers)
	if err != nil {
		return c.fail(http.StatusBadRequest, "BadRequest", "The URL of the request is not valid.")
	}
	segs := segments(r.URL.EscapedPath())[1:]
	if len(segs) > 0 && segs[0] == "$batch" {
		return c.fail(http.StatusBadRequest, "BadRequest", "A batch cannot hold a batch.")
	}
	inner := &graphCall{s: c.s, r: r, base: c.base, version: c.version, body: item.Body, requestID: c.s.guid(),
		clientRequestID: r.Header.Get("client-request-id"), batched: true}
	return c.s.performInner(c.r.Context(), inner.inbound(segs))
}

// performInner runs an item; a lost connection is a gateway's time-out to the caller of the batch.
func (s *Server) performInner(ctx context.Context, in *inbound) *response {
	resp, err := s.perform(ctx, in)
	if err != nil {
		return in.refuse(Decision{Kind: GatewayTimeout})
	}
	return resp
}

// batchAnswer is one entry of responses. A body that is no JSON is left out.
func batchAnswer(id string, resp *response) map[string]any {
	headers := map[string]string{}
	for name := range resp.header {
		headers[name] = resp.header.Get(name)
	}
	out := map[string]any{"id": id, "status": resp.status, "headers": headers}
	if json.Valid(resp.body) {
		out["body"] = json.RawMessage(resp.body)
	}
	return out
}
