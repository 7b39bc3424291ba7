package embedded

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// make makes an account in the tenant as any client does.
func makeUser(t *testing.T, tenant *Tenant) {
	t.Helper()
	env := map[string]string{}
	for _, v := range tenant.Environment() {
		env[v.Name] = v.Value
	}
	form := "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_id=" + env["AZURE_CLIENT_ID"] + "&client_secret=" + env["AZURE_CLIENT_SECRET"]
	resp, err := tenant.Client().Post(tenant.URL+"/"+env["AZURE_TENANT_ID"]+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form))
	require.NoError(t, err)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&token))
	require.NoError(t, resp.Body.Close())
	body := `{"accountEnabled":true,"displayName":"Kept","mailNickname":"kept","userPrincipalName":"kept@contoso.onmicrosoft.com","passwordProfile":{"password":"correct-Horse-7-battery"}}`
	req, err := http.NewRequest(http.MethodPost, tenant.URL+"/v1.0/users", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err = tenant.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)
}

// The state is on disk before the answer: what a killed process did is there at the next start.
func TestStateIsKeptBeforeTheAnswer(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	makeUser(t, first)
	state, err := os.ReadFile(filepath.Join(dir, StateFile))
	require.NoError(t, err)
	assert.Contains(t, string(state), "kept@contoso.onmicrosoft.com")
	assert.NotContains(t, string(state), "correct-Horse-7-battery")

	_, err = Open(Options{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, first.Close())

	second, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	_, found := second.Server.Tenants()[0].User("kept@contoso.onmicrosoft.com")
	assert.True(t, found)
	require.NoError(t, second.Close())
}

func TestDamagedState(t *testing.T) {
	for _, name := range []string{StateFile, DirectoryFile} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600))
		_, err := Open(Options{Dir: dir})
		require.ErrorContains(t, err, filepath.Join(dir, name)+" (move it away")
	}
}
