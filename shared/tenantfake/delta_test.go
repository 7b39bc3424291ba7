package tenantfake_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// round follows a delta query from path to its delta link.
func (c *client) round(path string) (items []map[string]any, deltaLink string) {
	c.t.Helper()
	for {
		page := c.get(path)
		for _, item := range page["value"].([]any) {
			items = append(items, item.(map[string]any))
		}
		if link, ok := page["@odata.deltaLink"].(string); ok {
			return items, link
		}
		path = page["@odata.nextLink"].(string)
	}
}

func TestDelta(t *testing.T) {
	c := newClient(t)
	c.tenant.AddUsers(200)
	items, link := c.round("/users/delta?$select=displayName,accountEnabled")
	require.Len(t, items, 205)
	require.Contains(t, items[0], "accountEnabled")
	items, link = c.round(link)
	require.Empty(t, items)

	kept, gone, purged := c.create("svc-kept"), c.create("svc-gone"), c.create("svc-purged")
	c.call(204, "PATCH", "/users/"+kept, map[string]any{"displayName": "Kept"})
	c.call(204, "DELETE", "/users/"+gone, nil)
	c.call(204, "DELETE", "/users/"+purged, nil)
	c.call(204, "DELETE", "/directory/deletedItems/"+purged, nil)
	items, next := c.round(link)
	require.Equal(t, []map[string]any{
		{"id": kept, "displayName": "Kept", "accountEnabled": true},
		{"id": gone, "@removed": map[string]any{"reason": "changed"}},
		{"id": purged, "@removed": map[string]any{"reason": "deleted"}},
	}, items)
	again, _ := c.round(link)
	require.Equal(t, items, again, "a round can be repeated")
	items, _ = c.round(next)
	require.Empty(t, items)
}

func TestDeltaReplaysChangesDuringEnumeration(t *testing.T) {
	c := newClient(t)
	c.tenant.AddUsers(200)
	first := c.get("/users/delta")
	c.tenant.DisableByHand(defaultUser)
	_, link := c.round(first["@odata.nextLink"].(string))
	items, _ := c.round(link)
	require.Len(t, items, 1)
}

func TestDeltaLag(t *testing.T) {
	c := newClient(t)
	c.tenant.SetConsistency(tenantfake.ReadDelta, tenantfake.Consistency{VisibleAfter: time.Minute})
	items, link := c.round("/users/delta?$deltatoken=latest")
	require.Empty(t, items)
	c.create("svc-late")
	items, link = c.round(link)
	require.Empty(t, items)
	c.clock.advance(time.Minute)
	items, _ = c.round(link)
	require.Len(t, items, 1, "nothing is lost")
}

func TestDeltaTokens(t *testing.T) {
	c := newClient(t)
	_, link := c.round("/users/delta")
	c.clock.advance(7*24*time.Hour + time.Second)
	c.login()
	require.Equal(t, "syncStateNotFound", errorCode(c.call(400, "GET", link, nil)))
	_, link = c.round("/users/delta")
	c.tenant.ExpireDeltaTokens()
	resp, err := c.do("GET", link, nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 410, resp.StatusCode)
	items, _ := c.round(resp.Header.Get("Location"))
	require.Len(t, items, 5)
	c.call(400, "GET", "/users/delta?$deltatoken=nonsense", nil)
	c.call(400, "GET", "/users/delta?$skiptoken=nonsense", nil)
	for _, query := range []string{"$top=5", "$expand=manager", "$orderby=displayName", "$filter=" + url.QueryEscape("displayName eq 'x'"), "$filter=(", "$select=nonsense"} {
		c.call(400, "GET", "/users/delta?"+query, nil)
	}
	items, _ = c.round("/users/delta()?$filter=" + url.QueryEscape("id eq '"+defaultUser+"' or id eq 'x'"))
	require.Len(t, items, 1)
}
