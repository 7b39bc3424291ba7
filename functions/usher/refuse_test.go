package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestWrongUse(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"UnknownCommand":  {[]string{"bogus"}, exitUsage, `unknown command "bogus"`},
		"UnknownFlag":     {[]string{"list", "--bogus"}, exitUsage, "unknown flag"},
		"MissingID":       {[]string{"status"}, exitUsage, "needs the id of a request"},
		"TooMuch":         {[]string{"status", "a", "b"}, exitUsage, `does not take "b"`},
		"NoApprover":      {[]string{"approve", "rq"}, exitUsage, "say who approves"},
		"NoFile":          {[]string{"request"}, exitUsage, `"file" not set`},
		"FileMissing":     {[]string{"request", "-f", "/nowhere/request.json"}, exitUsage, "read the request"},
		"ReplicationBack": {[]string{"serve", "--replication=-1s"}, exitUsage, "--replication -1s is negative"},
		"WrongTenantKind": {[]string{"serve", "--tenant", "imaginary"}, exitUsage, "embedded or real"},
		"NoLedger":        {[]string{"list"}, exitConfig, "there is no ledger in"},
		"UnknownProfile":  {[]string{"profiles", "show", "nobody"}, exitRefused, `no profile "nobody"`},
		"NoProfilesDir":   {[]string{"profiles", "--profiles", "/nowhere"}, exitConfig, "cannot be read"},
		"NoConfigFile":    {[]string{"serve", "--config", "/nowhere/usher.yaml"}, exitConfig, "there is no configuration file"},
		"NothingGiven":    {[]string{"serve", "--tenant", "real"}, exitConfig, "USHER_API_TOKEN"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newShell(t).run(c.args...)
			assert.Equal(t, c.code, r.code, "%s", r.err)
			assert.Contains(t, r.err, c.says)
			assert.Empty(t, r.out)
		})
	}
}

func TestEverythingWrongAtOnce(t *testing.T) {
	s := newShell(t)
	s.env = map[string]string{"USHER_LISTEN": "bad", "USHER_CLOUD": "mars", "AZURE_TENANT_ID": tenantfake.DefaultTenantID}
	r := s.run("serve")
	assert.Equal(t, exitConfig, r.code)
	for _, name := range []string{"USHER_LISTEN", "USHER_CLOUD", "USHER_WEBHOOK_SECRET", "USHER_API_TOKEN", "AZURE_CLIENT_SECRET"} {
		assert.Contains(t, r.err, name)
	}
	assert.NoDirExists(t, s.dir, "nothing was begun")
}

func TestUsedPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, address := range []string{l.Addr().String(), "127.0.0.1:99999", "127.0.0.1:1x", "192.0.2.1:8080"} {
		r := newShell(t).run("serve", "--listen", address)
		assert.Equal(t, exitConfig, r.code, "%s: %s", address, r.err)
		assert.Contains(t, r.err, "--listen")
	}
}

func TestUnwritableDataDirectory(t *testing.T) {
	s := newShell(t)
	require.NoError(t, os.WriteFile(s.dir, nil, 0o600))
	s.dir = filepath.Join(s.dir, "below")
	for _, args := range [][]string{{"serve"}, {"demo"}, {"request", "-f", "onboard-sam360.json"}, {"tenant"}} {
		r := s.run(args...)
		assert.Equal(t, exitConfig, r.code, "%v: %s", args, r.err)
		assert.Contains(t, r.err, "--data")
	}
}

func TestDamagedLedger(t *testing.T) {
	s := newShell(t)
	require.NoError(t, os.MkdirAll(s.dir, 0o700))
	path := filepath.Join(s.dir, "usher.db")
	require.NoError(t, os.WriteFile(path, []byte("this is no database, and it is long enough to be looked at"), 0o600))
	for _, command := range []string{"serve", "list"} {
		r := s.run(command)
		assert.Equal(t, exitConfig, r.code)
		assert.Contains(t, r.err, "backup")
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(kept), "this is no database", "nothing was written to it")
}

func TestSecondServer(t *testing.T) {
	t.Run("Embedded", func(t *testing.T) { refusesSecond(t, newShell(t)) })
	t.Run("Real", func(t *testing.T) { refusesSecond(t, newShell(t).real()) })
}

func refusesSecond(t *testing.T, s *shell) {
	s.serve()
	r := s.run("serve", "--listen", "127.0.0.1:0")
	assert.Equal(t, exitConfig, r.code)
	assert.Contains(t, r.err, "another usher")
}

func TestDoctor(t *testing.T) {
	tenant := outside.Server.Tenants()[0]
	graph := []string{"User.ReadWrite.All", "RoleManagement.ReadWrite.Directory", "Domain.Read.All"}
	heal := func() {
		tenant.SetPermissions(tenantfake.DefaultClientID, graph, []string{"Exchange.ManageAsApp"})
		tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "Exchange Administrator")
	}
	t.Cleanup(heal)
	for name, c := range map[string]struct {
		spoil func(*shell)
		code  int
		says  string
	}{
		"Healthy":      {func(*shell) {}, exitOK, "Exchange Online"},
		"ClientSecret": {func(*shell) {}, exitOK, "by a client secret (AZURE_CLIENT_SECRET); a client secret can be copied"},
		"WrongSecret":  {func(s *shell) { s.env["AZURE_CLIENT_SECRET"] = "wrong" }, exitConfig, "Renew the secret"},
		"NoCredential": {func(s *shell) { delete(s.env, "AZURE_CLIENT_SECRET") }, exitConfig, "AZURE_CLIENT_SECRET"},
		"Unreachable":  {func(s *shell) { s.env["USHER_LOGIN_ENDPOINT"] = "https://127.0.0.1:1" }, exitUnreachable, "network path"},
		"NoConsent":    {func(s *shell) { s.env["AZURE_CLIENT_ID"] = "00000000-0000-0000-0000-00000000abcd" }, exitRefused, "adminconsent?client_id="},
		"NoRolePermission": {func(*shell) {
			tenant.SetPermissions(tenantfake.DefaultClientID, graph[:1], []string{"Exchange.ManageAsApp"})
		}, exitRefused, "add the application permission RoleManagement.ReadWrite.Directory"},
		"NoExchange":      {func(*shell) { tenant.SetPermissions(tenantfake.DefaultClientID, graph, nil) }, exitRefused, "Exchange.ManageAsApp"},
		"NoDirectoryRole": {func(*shell) { tenant.SetDirectoryRoles(tenantfake.DefaultClientID) }, exitRefused, "Roles and administrators, Exchange Administrator"},
	} {
		t.Run(name, func(t *testing.T) {
			heal()
			s := newShell(t).real()
			c.spoil(s)
			r := s.run("doctor")
			assert.Equal(t, c.code, r.code, "%s\n%s", r.out, r.err)
			assert.Contains(t, r.out, c.says)
			assert.NotContains(t, r.out+r.err, tenantfake.DefaultClientSecret)
		})
	}
}
