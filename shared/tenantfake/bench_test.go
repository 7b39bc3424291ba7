package tenantfake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// BenchmarkList50000 reads a directory of 50,000 users in pages of 999, without decoding them.
func BenchmarkList50000(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := tenantfake.New(tenantfake.Options{})
	s.AddTenant(tenantfake.DefaultTenant()).AddUsers(50_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	client := &http.Client{Transport: s.Transport()}
	resp, err := client.PostForm(loginURL+tenantfake.DefaultTenantID+"/oauth2/v2.0/token", url.Values{"client_id": {tenantfake.DefaultClientID},
		"client_secret": {tenantfake.DefaultClientSecret}, "grant_type": {"client_credentials"}, "scope": {graphScope}})
	require.NoError(b, err)
	defer resp.Body.Close()
	var token struct {
		Value string `json:"access_token"`
	}
	require.NoError(b, json.NewDecoder(resp.Body).Decode(&token))
	for b.Loop() {
		link := graphURL + "/users?$top=999&$select=id,userPrincipalName,displayName,accountEnabled,createdDateTime,assignedLicenses,usageLocation"
		for link != "" {
			link = nextPage(b, client, link, token.Value)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/50_000, "heap-B/user")
}

func nextPage(b *testing.B, client *http.Client, link, token string) string {
	req, err := http.NewRequest("GET", link, nil)
	require.NoError(b, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	require.Equal(b, 200, resp.StatusCode)
	var page struct {
		Next string `json:"@odata.nextLink"`
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.NoError(b, json.Unmarshal(body, &page))
	return page.Next
}
