package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
)

func TestActiveDirectory(t *testing.T) {
	c := load(t, `tenants:
  - alias: a
    id: `+tenantID+`
    activeDirectory:
      url: ldaps://dc1.corp.example
      baseDN: DC=corp,DC=example
      bindName: usher@corp.example
      password: env:AD_PASSWORD
      rootsFile: /etc/usher/corp-ca.pem
      stampAttribute: extensionAttribute15
      ou: OU=Service Accounts,OU=IT
  - {alias: b, id: 22222222-2222-2222-2222-222222222222}
`, "AD_PASSWORD", "hunter2")
	assert.Equal(t, map[account.TenantID]config.ActiveDirectory{tenantID: {
		URL: "ldaps://dc1.corp.example", BaseDN: "DC=corp,DC=example", BindName: "usher@corp.example",
		Password: account.NewSecret("hunter2"), RootsFile: "/etc/usher/corp-ca.pem", StampAttribute: "extensionAttribute15",
	}}, c.ActiveDirectory)
	assert.Equal(t, account.ActiveDirectory{BaseDN: "DC=corp,DC=example", OU: "OU=Service Accounts,OU=IT"}, c.Tenants[0].ActiveDirectory)
	assert.Empty(t, c.Tenants[1].ActiveDirectory.BaseDN)
}

func TestActiveDirectoryRefused(t *testing.T) {
	lines := refused(t, `tenants:
  - {alias: a, id: `+tenantID+`, activeDirectory: {url: "ldap://dc1.corp.example", password: `+canary+`, baseDN: corp.example, ou: Services, port: 636}}
  - {alias: b, id: 22222222-2222-2222-2222-222222222222, activeDirectory: {url: "ldaps://u:p@dc1/x", baseDN: "DC=corp", bindName: u, password: env:MISSING}}
  - {alias: c, id: 33333333-3333-3333-3333-333333333333, activeDirectory: dc1}
`)
	for _, want := range []string{
		"tenants[0].activeDirectory.port (line 2): is not known; the settings here are baseDN, bindName, ou, password",
		"tenants[0].activeDirectory (line 2): has no bindName; give url",
		"tenants[0].activeDirectory.url (line 2): must be ldaps://HOST",
		"tenants[0].activeDirectory.baseDN (line 2): \"corp.example\" is not a distinguished name",
		"tenants[0].activeDirectory.ou (line 2): \"Services\" is not a distinguished name",
		"tenants[0].activeDirectory.password (line 2): must be a reference",
		"tenants[1].activeDirectory.url (line 3): must be ldaps://HOST",
		"tenants[1].activeDirectory.password (line 3): the environment variable MISSING is not set",
		"tenants[2].activeDirectory (line 4): must hold settings",
	} {
		assert.True(t, contains(lines, want), "missing: %s\nin:\n%s", want, strings.Join(lines, "\n"))
	}
	assert.Len(t, lines, 9)
}
