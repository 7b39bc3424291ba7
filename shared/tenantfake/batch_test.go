package tenantfake_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

type batchAnswer struct {
	status  float64
	headers map[string]any
	body    map[string]any
}

func (c *client) batch(items ...map[string]any) map[string]batchAnswer {
	c.t.Helper()
	out := map[string]batchAnswer{}
	for _, r := range c.call(200, "POST", "/$batch", map[string]any{"requests": items})["responses"].([]any) {
		m := r.(map[string]any)
		a := batchAnswer{status: m["status"].(float64)}
		a.headers, _ = m["headers"].(map[string]any)
		a.body, _ = m["body"].(map[string]any)
		out[m["id"].(string)] = a
	}
	return out
}

func item(id, method, url string, body map[string]any, dependsOn ...string) map[string]any {
	out := map[string]any{"id": id, "method": method, "url": url}
	if body != nil {
		out["body"], out["headers"] = body, map[string]any{"Content-Type": "application/json"}
	}
	if len(dependsOn) > 0 {
		out["dependsOn"] = dependsOn
	}
	return out
}

func TestBatch(t *testing.T) {
	c := newClient(t)
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.Throttled, RetryAfter: 10e9}, Path: "/domains"})
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.DropAfter}, Path: "/organization"})
	got := c.batch(
		item("1", "POST", "/users", newUser("svc-b1")),
		item("2", "GET", "/domains", nil),
		item("3", "GET", "users/nobody", nil),
		item("4", "GET", "/users/"+defaultUser, nil, "3"),
		item("5", "DELETE", "/users/"+defaultUser, nil),
		item("6", "POST", "/$batch", nil),
		item("7", "GET", "/users?$top=1", nil),
		item("8", "GET", "/organization", nil),
		item("9", "GET", "/users?x=%zz", nil),
		item("10", "GET", "/\x7f", nil),
	)
	want := map[string]float64{"1": 201, "2": 429, "3": 404, "4": 424, "5": 204, "6": 400, "7": 200, "8": 504, "9": 400, "10": 400}
	for id, status := range want {
		require.Equal(t, status, got[id].status, "item %s: %v", id, got[id].body)
	}
	require.Equal(t, "10", got["2"].headers["Retry-After"])
	require.Nil(t, got["5"].body)
	require.Contains(t, got["7"].body["@odata.nextLink"], graphURL+"/users?")
	log := c.server.Log()
	require.True(t, log[len(log)-2].Batched)
	require.Equal(t, "/$batch", log[len(log)-1].Template)
}

func TestBatchRefused(t *testing.T) {
	c := newClient(t)
	many := []map[string]any{}
	for i := range 21 {
		many = append(many, item(fmt.Sprint(i), "GET", "/users", nil))
	}
	noHeader := item("1", "POST", "/users", newUser("x"))
	delete(noHeader, "headers")
	for name, requests := range map[string]any{
		"too many": many, "none": []any{}, "not a list": "x", "no id": []any{item("", "GET", "/users", nil)}, "no method": []any{item("1", "", "/users", nil)},
		"same id":           []any{item("a", "GET", "/users", nil), item("A", "GET", "/users", nil)},
		"unknown dependent": []any{item("1", "GET", "/users", nil, "2")}, "body without type": []any{noHeader},
	} {
		t.Run(name, func(t *testing.T) { c.call(400, "POST", "/$batch", map[string]any{"requests": requests}) })
	}
}
