package tenantfake_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilters(t *testing.T) {
	c := newClient(t)
	c.create("svc-a")
	id := c.create("svc-b")
	c.call(204, "PATCH", "/users/"+id, map[string]any{"displayName": "O'Hara", "onPremisesExtensionAttributes": map[string]any{"extensionAttribute15": "usher:7"}})
	c.tenant.DisableByHand(id)
	tests := []struct {
		filter   string
		advanced bool
		want     []string // mail nicknames
	}{
		{filter: "userPrincipalName eq 'SVC-A@contoso.onmicrosoft.com'", want: []string{"svc-a"}},
		{filter: "startswith(mailNickname,'svc-')", want: []string{"svc-a", "svc-b"}},
		{filter: "displayName eq 'O''Hara'", want: []string{"svc-b"}},
		{filter: "id eq '" + id + "' or mailNickname eq 'svc-a'", want: []string{"svc-a", "svc-b"}},
		{filter: "startswith(mailNickname,'svc') and accountEnabled eq false", want: []string{"svc-b"}},
		{filter: "(mailNickname eq 'svc-a' or mailNickname eq 'svc-b') and accountEnabled eq true", want: []string{"svc-a"}},
		{filter: "mailNickname in ('svc-a','nobody')", want: []string{"svc-a"}},
		{filter: "assignedLicenses/any(x:x/skuId eq 05e9a617-0261-4cee-bb44-138d3ef5d965)", want: []string{"AdeleV", "DiegoS", "LeeG"}},
		{filter: "createdDateTime ge 2026-11-01T00:00:00Z", want: []string{"svc-a", "svc-b"}},
		{filter: "createdDateTime lt 2026-11-01T00:00:00Z and displayName gt 'C' and displayName le 'lee gu'", want: []string{"DiegoS", "LeeG"}},
		{filter: "surname eq null and startswith(displayName,'Break')", want: []string{"breakglass1", "breakglass2"}},
		{filter: "onPremisesExtensionAttributes/extensionAttribute15 eq 'usher:7'", advanced: true, want: []string{"svc-b"}},
		{filter: "accountEnabled ne true", advanced: true, want: []string{"svc-b"}},
		{filter: "endswith(userPrincipalName,'@contoso.com')", advanced: true, want: []string{"AdeleV", "DiegoS", "LeeG"}},
		{filter: "not(startswith(mailNickname,'svc')) and surname ne null", advanced: true, want: []string{"AdeleV", "DiegoS", "LeeG"}},
		{filter: "assignedLicenses/$count gt 0", advanced: true, want: []string{"AdeleV", "DiegoS", "LeeG"}},
		{filter: "assignedLicenses/$count ne 0", advanced: true, want: []string{"AdeleV", "DiegoS", "LeeG"}},
	}
	for _, tt := range tests {
		t.Run(tt.filter, func(t *testing.T) {
			path := "/users?$select=mailNickname&$filter=" + url.QueryEscape(tt.filter)
			if tt.advanced {
				require.Equal(t, "Request_UnsupportedQuery", errorCode(c.call(400, "GET", path, nil)))
				require.Equal(t, "Request_UnsupportedQuery", errorCode(c.call(400, "GET", path+"&$count=true", nil)))
			}
			c.advanced(func() {
				page := c.get(path + "&$count=true")
				require.Equal(t, tt.want, names(page["value"], "mailNickname"))
				require.EqualValues(t, len(tt.want), page["@odata.count"])
			})
		})
	}
}

func TestFiltersRefused(t *testing.T) {
	c := newClient(t)
	for _, filter := range []string{"displayName", "displayName eq", "displayName eq 'x", "displayName is 'x'", "(displayName eq 'x'", "displayName eq 'x')",
		"startswith displayName", "startswith(displayName 'x')", "startswith('x',displayName)", "displayName in 'x'", "displayName in ('x'", "a/any(x)", "a/any(x:x/any(y:y eq 1))",
		"aboutMe eq 'x'", "aboutMe ne 'x'", "displayName eq 'x' or aboutMe eq 'y'", "not aboutMe eq 'x'", "displayName eq %", strings.Repeat("(", 200), strings.Repeat("not ", 200) + "id eq '1'"} {
		require.NotEmpty(t, errorCode(c.call(400, "GET", "/users?$filter="+url.QueryEscape(filter), nil)), filter)
	}
	c.call(400, "GET", "/users?$filter=%zz", nil)
	c.call(501, "GET", "/users?$orderby=displayName", nil)
	c.call(400, "GET", "/users?$top=1000", nil)
	c.call(400, "GET", "/users?$skiptoken=nonsense", nil)
}

func TestPaging(t *testing.T) {
	c := newClient(t)
	c.tenant.AddUsers(250)
	read := func(path string) (pages []int, total map[string]bool) {
		total = map[string]bool{}
		for path != "" {
			page := c.get(path)
			for _, id := range names(page["value"], "id") {
				total[id] = true
			}
			pages = append(pages, len(page["value"].([]any)))
			path, _ = page["@odata.nextLink"].(string)
		}
		return pages, total
	}
	pages, total := read("/users?$select=id")
	require.Equal(t, []int{100, 100, 55}, pages)
	require.Len(t, total, 255)
	pages, _ = read("/users?%24top=999&$select=id,userPrincipalName,assignedLicenses")
	require.Equal(t, []int{255}, pages)
	pages, total = read("/users?$top=50&$filter=startswith(mailNickname,'user')")
	require.Equal(t, []int{50, 50, 50, 50, 50}, pages)
	require.Len(t, total, 250)
	c.header.Set("Prefer", "odata.maxpagesize=200")
	pages, _ = read("/users")
	require.Equal(t, []int{200, 55}, pages)
}

func TestCount(t *testing.T) {
	c := newClient(t)
	require.Equal(t, "Request_BadRequest", errorCode(c.call(400, "GET", "/users/$count", nil)))
	c.advanced(func() {
		resp, err := c.do("GET", "/users/$count?$filter=startswith(displayName,'Break')", nil)
		require.NoError(t, err)
		require.Equal(t, "text/plain", resp.Header.Get("Content-Type"))
		require.NoError(t, resp.Body.Close())
		c.header.Set("Accept", "application/json")
		require.Equal(t, "UnsupportedMediaType", errorCode(c.call(415, "GET", "/users/$count", nil)))
	})
}

func TestUnencodedQueries(t *testing.T) {
	c := newClient(t)
	req, err := c.do("GET", "/users", nil)
	require.NoError(t, err)
	require.NoError(t, req.Body.Close())
	req.Request.URL.RawQuery = "$filter=displayName eq 'x'"
	resp, err := c.http.Do(req.Request)
	require.NoError(t, err)
	require.Equal(t, 400, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}
