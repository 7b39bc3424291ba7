package domains_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/domains"
)

const contoso account.TenantID = "0550b473-9fd2-4dbb-a058-a1640b4bf458"

// with is a configuration of one tenant with a domain.
func with(change func(*config.ActiveDirectory)) config.Config {
	d := config.ActiveDirectory{URL: "ldaps://dc1.corp.example", BaseDN: "DC=corp,DC=example", BindName: "usher@corp.example", Password: account.NewSecret("canary")}
	change(&d)
	return config.Config{
		Tenants:         []account.Tenant{{Alias: "contoso", ID: contoso}, {Alias: "fabrikam", ID: "2"}},
		ActiveDirectory: map[account.TenantID]config.ActiveDirectory{contoso: d},
	}
}

func TestOpen(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	for _, roots := range []string{"", path} {
		opened, err := domains.Open(with(func(d *config.ActiveDirectory) { d.RootsFile = roots }))
		require.NoError(t, err)
		assert.Len(t, opened, 1)
		assert.Contains(t, opened, contoso)
	}
	opened, err := domains.Open(config.Config{Tenants: []account.Tenant{{Alias: "contoso", ID: contoso}}})
	require.NoError(t, err)
	assert.Empty(t, opened)
}

// A file that did not come along is told at the start, with its path and its tenant.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(path, []byte("no certificate"), 0o600))
	for want, change := range map[string]func(*config.ActiveDirectory){
		"rootsFile cannot be read: open " + dir + "/none.pem": func(d *config.ActiveDirectory) { d.RootsFile = filepath.Join(dir, "none.pem") },
		"rootsFile cannot be read: read " + dir:               func(d *config.ActiveDirectory) { d.RootsFile = dir },
		"ca.pem holds no certificate in PEM":                  func(d *config.ActiveDirectory) { d.RootsFile = path },
	} {
		_, err := domains.Open(with(change))
		require.ErrorAs(t, err, &config.Problems{})
		assert.ErrorContains(t, err, "activeDirectory of tenant contoso: ")
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "canary")
	}
}
