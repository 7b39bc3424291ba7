package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/tenantfake"
)

func load(t *testing.T, text string, env map[string]string) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := config.Load(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, nil)
	require.NoError(t, err)
	return c
}

func TestConfigured(t *testing.T) {
	got, err := Configured(load(t, `
publicAddress: https://usher.example.com
tenants:
  - alias: play
    id: `+tenantfake.DefaultTenantID+`
    domains: [contoso.com, contoso.onmicrosoft.com]
    protected: [adele.vance@contoso.com, BREAKGLASS1@contoso.onmicrosoft.com]
    roleGroups: [Vendor Support]
    consent: link
    applications: {mediafly-intelligence: 11111111-2222-4333-8444-555555555555}
    delivery: {method: link}
    passwordReferences: [file:/srv/passwords/]
`, nil))
	require.NoError(t, err)
	assert.Equal(t, account.Tenant{
		Alias: "play", ID: tenantfake.DefaultTenantID, Cloud: config.Public, Domains: []string{"contoso.onmicrosoft.com", "contoso.com"},
		Protected:  []string{"adele.vance@contoso.com", "BREAKGLASS1@contoso.onmicrosoft.com", "breakglass2@contoso.onmicrosoft.com"},
		RoleGroups: []string{"Vendor Support"}, Delivery: account.Delivery{Method: account.DeliverByLink}, PasswordReferences: []string{"file:/srv/passwords/"},
		Consents:        account.Consents{Method: account.ConsentLink, Applications: map[string]string{"mediafly-intelligence": "11111111-2222-4333-8444-555555555555"}},
		ActiveDirectory: ActiveDirectory,
	}, got)
}

// Where no entry is written, the tenant is as it comes; AZURE_TENANT_ID is for other commands.
func TestConfiguredByNobody(t *testing.T) {
	for _, env := range []map[string]string{nil, {"AZURE_TENANT_ID": "11111111-2222-4333-8444-555555555555"}, {"AZURE_TENANT_ID": tenantfake.DefaultTenantID}} {
		got, err := Configured(load(t, "", env))
		require.NoError(t, err)
		assert.Equal(t, Account(), got)
	}
}

func TestConfiguredRefuses(t *testing.T) {
	const entry = "{alias: contoso, id: " + tenantfake.DefaultTenantID
	for text, want := range map[string][]string{
		"tenants: [{alias: contoso, id: 11111111-2222-4333-8444-555555555555}]": {"tenants.contoso: is for tenant 11111111-2222-4333-8444-555555555555, and the tenant that comes along is " + tenantfake.DefaultTenantID},
		"tenants: [" + entry + "}, {alias: fabrikam, id: 11111111-2222-4333-8444-555555555555}, {alias: tailspin, id: 22222222-2222-4333-8444-555555555555}]": {
			"tenants.fabrikam: is for tenant 1", "tenants.tailspin: is for tenant 2"},
		"tenants: [" + entry + ", cloud: usgov, domains: [contoso.onmicrosoft.com, fabrikam.com], activeDirectory: {url: 'ldaps://dc1', baseDN: DC=corp, bindName: u, password: env:P}}]": {
			"tenants.contoso.cloud: is usgov", "tenants.contoso.domains: fabrikam.com is no domain of the tenant that comes along, which has contoso.onmicrosoft.com, contoso.com",
			"tenants.contoso.activeDirectory: the tenant that comes along has an on-premises Active Directory of its own"},
		"cloud: china\ntenants: [" + entry + "}]": {"tenants.contoso.cloud: is china"},
	} {
		_, err := Configured(load(t, text, map[string]string{"P": "canary"}))
		problems, ok := errors.AsType[config.Problems](err)
		require.True(t, ok, "%s: %v", text, err)
		assert.Len(t, problems, len(want), text)
		for _, w := range want {
			assert.ErrorContains(t, err, w)
		}
		assert.NotContains(t, err.Error(), "canary")
	}
}
