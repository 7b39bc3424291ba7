package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const operatorID = "0be4a704-0000-4000-8000-000000000002"

var operatorRights = []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"}

// operator signs the shell in as an application with these rights in the home tenant,
// which has a customer.
func (s *shell) operator(rights ...string) *shell {
	home := outside.Server.Tenants()[0]
	home.RemoveApp(operatorID)
	home.AddApp(tenantfake.App{ClientID: operatorID, DisplayName: "operator", Secret: "operator", Graph: rights})
	s.Cleanup(func() { home.RemoveApp(operatorID) })
	s.real()
	s.env["AZURE_CLIENT_ID"], s.env["AZURE_CLIENT_SECRET"] = operatorID, "operator"
	path := filepath.Join(s.TempDir(), "usher.yaml")
	require.NoError(s, os.WriteFile(path, []byte("tenants: [{alias: fabrikam, id: 11111111-2222-4333-8444-555555555555}]\n"), 0o600))
	s.env["USHER_CONFIG"] = path
	return s
}

// bootstrapping runs the command with a name of its own, for the tenant outside is shared.
func (s *shell) bootstrapping(name string, more ...string) result {
	return s.run(append([]string{"bootstrap", "--credential", "environment", "--name", name, "--issuer", "https://sts.example",
		"--provisioner-subject", "role/create", "--provisioner-subject", "role/revoke", "--sync-managed-identity", "0e0e0000-0000-4000-8000-00000000aaaa"}, more...)...)
}

func TestBootstrap(t *testing.T) {
	s := newShell(t).operator(operatorRights...)
	planned := s.bootstrapping("first")
	require.Equal(t, exitOK, planned.code, planned.err)
	for _, says := range []string{
		"create application first-provisioner", "make, disable, delete and restore accounts", "17 writes to make: run it again with --apply",
		"0e0e0000-0000-4000-8000-00000000aaaa at " + outside.URL + "/" + tenantfake.DefaultTenantID + "/v2.0",
		"the address follows", "directory role Global Reader",
	} {
		assert.Contains(t, planned.out, says)
	}
	assert.Equal(t, exitFailed, s.bootstrapping("first", "--check").code)

	applied := s.bootstrapping("first", "--apply")
	require.Equal(t, exitOK, applied.code, "%s%s", applied.out, applied.err)
	assert.Contains(t, applied.out, "17 writes made.")
	assert.Contains(t, applied.out, outside.URL+"/11111111-2222-4333-8444-555555555555/adminconsent?client_id=")
	assert.Contains(t, s.bootstrapping("first", "--apply").out, "\n0 writes made.")
	checked := s.bootstrapping("first", "--check")
	assert.Equal(t, exitOK, checked.code)
	assert.Contains(t, checked.out, "Nothing to do.")

	var told preparation
	s.json(&told, "bootstrap", "--credential", "environment", "--name", "first")
	require.Len(t, told.Apps, 2)
	assert.NotEmpty(t, told.Apps[0].ClientID)
	assert.Contains(t, told.Customers[0].Steps[0].ConsentURL, told.Apps[0].ClientID)
}

// The messenger is made when it is asked for, and customers are not told of it.
func TestBootstrapOfTheMessenger(t *testing.T) {
	s := newShell(t).operator(operatorRights...)
	messenger := []string{"--messenger-subject", "role/intake", "--messenger-subject", "role/notify", "--messenger-managed-identity", "0e0e0000-0000-4000-8000-00000000bbbb"}
	applied := s.bootstrapping("fourth", append(messenger, "--apply")...)
	require.Equal(t, exitOK, applied.code, "%s%s", applied.out, applied.err)
	for _, says := range []string{"create application fourth-messenger", "open the queues, and nothing else", "22 writes made.", "AZURE_CLIENT_ID of the messenger: "} {
		assert.Contains(t, applied.out, says)
	}
	assert.NotContains(t, applied.out, "consents to Fourth messenger")
	assert.Contains(t, s.bootstrapping("fourth", append(messenger, "--apply")...).out, "\n0 writes made.")

	var told preparation
	s.json(&told, append([]string{"bootstrap", "--credential", "environment", "--name", "fourth", "--issuer", "https://sts.example"}, messenger...)...)
	require.Len(t, told.Apps, 3)
	last := told.Apps[2]
	assert.Equal(t, "messenger", last.App)
	assert.NotEmpty(t, last.ClientID)
	assert.Equal(t, []neededRight{}, last.Permissions)
	assert.Empty(t, last.Roles)
	assert.Len(t, told.Customers[0].Steps, 2)
}

func TestBootstrapRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rights []string
		spoil  func(*shell)
		args   []string
		code   int
		says   string
	}{
		"NoRight":        {rights: operatorRights[:1], code: exitRefused, says: "Privileged Role Administrator"},
		"NoHome":         {spoil: func(s *shell) { delete(s.env, "AZURE_TENANT_ID") }, code: exitConfig, says: "--home"},
		"NoIssuer":       {args: []string{"--issuer", ""}, code: exitUsage, says: "the issuer"},
		"WrongKind":      {args: []string{"--credential", "magic"}, code: exitUsage, says: "cli, token or environment"},
		"NoToken":        {args: []string{"--credential", "token"}, code: exitConfig, says: "az account get-access-token"},
		"WrongToken":     {args: []string{"--credential", "token"}, spoil: func(s *shell) { s.env["USHER_BOOTSTRAP_TOKEN"] = "wrong" }, code: exitRefused, says: "token"},
		"ApplyAndCheck":  {args: []string{"--check"}, code: exitUsage, says: "check"},
		"NoEnvironment":  {spoil: func(s *shell) { delete(s.env, "AZURE_CLIENT_SECRET") }, code: exitConfig, says: "AZURE_CLIENT_SECRET"},
		"WrongSecret":    {spoil: func(s *shell) { s.env["AZURE_CLIENT_SECRET"] = "x" }, code: exitConfig, says: "invalid_client"},
		"NoSuchResource": {spoil: func(s *shell) { s.env["USHER_LOGIN_ENDPOINT"] = "https://127.0.0.1:1" }, code: exitUnreachable, says: "sign in"},
	} {
		t.Run(name, func(t *testing.T) {
			rights := c.rights
			if rights == nil {
				rights = operatorRights
			}
			s := newShell(t).operator(rights...)
			if c.spoil != nil {
				c.spoil(s)
			}
			r := s.bootstrapping("second", append([]string{"--apply"}, c.args...)...)
			assert.Equal(t, c.code, r.code, "%s%s", r.out, r.err)
			assert.Contains(t, r.err, c.says)
		})
	}
}

// The Azure CLI is asked for a token of the home tenant; what it says goes on to the operator.
func TestBootstrapByAzureCLI(t *testing.T) {
	s := newShell(t).operator(operatorRights...)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account. $*\" >&2\nexit 1\n"), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, how := range []string{"--apply=false", "--apply", "--check"} {
		r := s.run("bootstrap", "--name", "third", how)
		assert.Equal(t, exitConfig, r.code, r.err)
		assert.Contains(t, r.err, "az login --allow-no-subscriptions --tenant "+tenantfake.DefaultTenantID)
		assert.Empty(t, r.out, "%s: there is no plan to tell of", how)
	}
	assert.Contains(t, s.run("bootstrap", "--name", "third", "--json").out, `"applications": []`)
}

// What was planned of one application is no sum of all when the next cannot be looked at.
func TestBootstrapCutShort(t *testing.T) {
	s := newShell(t).operator(operatorRights...)
	require.Equal(t, exitOK, s.bootstrapping("fifth", "--apply").code)
	t.Cleanup(outside.Server.Fault(tenantfake.Fault{
		Decision: tenantfake.Decision{Kind: tenantfake.Refused, Status: http.StatusForbidden, Code: "Authorization_RequestDenied"},
		Match:    func(c tenantfake.Call) bool { return strings.Contains(c.Path, "fifth-sync") }, Times: -1,
	}))
	r := s.bootstrapping("fifth")
	assert.Equal(t, exitRefused, r.code, r.err)
	assert.Contains(t, r.out, "fifth-provisioner")
	assert.NotContains(t, r.out, "Nothing to do.")
}

// What gives permissions to applications has an application of its own.
func TestBootstrapWithFeatures(t *testing.T) {
	s := newShell(t).operator(operatorRights...)
	r := s.bootstrapping("fifth", "--with", "consents,fitness", "--consents-subject", "role/grantconsent", "--apply")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	for _, says := range []string{"create application fifth-consents", "read security defaults", "consents to Fifth consents: ", "USHER_CONSENTS_CLIENT_ID where consents are granted: "} {
		assert.Contains(t, r.out, says)
	}
	assert.Contains(t, s.bootstrapping("fifth", "--with", "consents,fitness", "--consents-subject", "role/grantconsent", "--check").out, "Nothing to do.")
	for _, wrong := range [][]string{{"--with", "magic"}, {"--consents-subject", "role/grantconsent"}} {
		assert.Equal(t, exitUsage, s.bootstrapping("sixth", wrong...).code, wrong)
	}
}

// The doctor tells what is granted beyond accounts and roles, and who must not hold both.
func TestDoctorTellsOfFeatures(t *testing.T) {
	s := newShell(t).real()
	r := s.run("doctor")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	assert.Regexp(t, `feature consents +granted`, r.out)
	assert.Contains(t, r.out, "sign in for consents")
	assert.Contains(t, r.out, "none are configured")
	s.env["USHER_APPROVERS"], s.env["USHER_APPROVER_TOKENS"] = "ann@contoso.com,bob@contoso.com", "ann@contoso.com="+svensToken
	out := s.ok("doctor")
	assert.Regexp(t, `approvers with a token of their own +ann@contoso.com\n`, out)
	assert.Regexp(t, `approvers without a token of their own +bob@contoso.com: whoever has the shared token can approve in their name`, out)
	delete(s.env, "USHER_CONSENTS_CLIENT_ID")
	r = s.run("doctor")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	assert.Contains(t, r.out, "usher bootstrap --with consents")
	tenant := outside.Server.Tenants()[0]
	tenant.AddApp(tenantfake.App{ClientID: operatorID, DisplayName: "both", Secret: "both", Graph: append([]string{"User.ReadWrite.All", "Domain.Read.All"}, operatorRights...),
		Exchange: []string{"Exchange.ManageAsApp"}, DirectoryRoles: []string{"Exchange Administrator"}})
	t.Cleanup(func() { tenant.RemoveApp(operatorID) })
	s.env["AZURE_CLIENT_ID"], s.env["AZURE_CLIENT_SECRET"] = operatorID, "both"
	r = s.run("doctor")
	assert.Equal(t, exitRefused, r.code)
	assert.Contains(t, r.out, "with which it can make itself anything")
}
