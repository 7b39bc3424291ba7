package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// configured writes a configuration and gives its path.
func configured(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The settings of the configuration's entry for the tenant that comes along hold there.
func TestTheEmbeddedTenantIsConfigured(t *testing.T) {
	path := configured(t, `
approvals: {approvers: [{id: ann@contoso.com, name: Ann}]}
tenants:
  - {alias: play, id: `+tenantfake.DefaultTenantID+`, protected: [adele.vance@contoso.com], delivery: {method: link}}
`)
	s := newShell(t)
	p := &program{env: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }, configFile: path, dataDir: s.dir, stdout: io.Discard}
	settings, err := p.settings(tenantEmbedded, embedded.Options{})
	require.NoError(t, err)
	require.Len(t, settings.Tenants, 1)
	got := settings.Tenants[0]
	assert.Equal(t, "play", got.Alias)
	assert.True(t, got.Protects("adele.vance@contoso.com") && got.Protects("breakglass1@contoso.onmicrosoft.com"))
	assert.Equal(t, account.Delivery{Method: account.DeliverByLink}, got.Delivery)
	assert.Equal(t, settings.embedded.URL, settings.Endpoints.Graph)
	require.NoError(t, settings.close())
}

// What the tenant that comes along is not, or does not have, is refused before it is begun.
func TestWhatTheEmbeddedTenantCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"tenants: [{alias: contoso, id: 11111111-2222-4333-8444-555555555555}]":                                                                                     "tenants.contoso: is for tenant 11111111",
		"tenants: [{alias: contoso, id: " + tenantfake.DefaultTenantID + ", activeDirectory: {url: 'ldaps://dc1', baseDN: DC=corp, bindName: u, password: env:P}}]": "tenants.contoso.activeDirectory: the tenant that comes along has an on-premises Active Directory of its own",
		"tenants: [{alias: contoso, id: " + tenantfake.DefaultTenantID + ", domains: [contoso.onmicrosoft.com, fabrikam.com]}]":                                     "tenants.contoso.domains: fabrikam.com is no domain",
	} {
		s := newShell(t)
		s.env["P"] = "canary"
		r := s.run("serve", "--tenant", "embedded", "--config", configured(t, text))
		assert.Equal(t, exitConfig, r.code, r.err)
		assert.Contains(t, r.err, want)
		assert.False(t, strings.Contains(r.err+r.out, "canary"))
		assert.NoDirExists(t, s.dir, "nothing was begun")
	}
}
