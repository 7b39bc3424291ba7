package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func TestDemo(t *testing.T) {
	s := newShell(t)
	out := s.ok("demo", "--replication", "2s")
	for _, line := range []string{
		"from the ticket to a ready account", "events/samples/onboard-sam360.json, signed", "Exchange Online does not know the new account yet",
		"Ready: sam360reports@contoso.onmicrosoft.com", "events/samples/offboard-sam360.json, signed", "Deleted; it can be restored for 30 days",
		"The nightly sync", "nothing of ours", "the chain is whole",
	} {
		assert.Contains(t, out, line)
	}
	assert.NotContains(t, out, "\x1b", "no colour where there is no terminal")
	log, err := os.ReadFile(filepath.Join(s.dir, logName))
	require.NoError(t, err)
	assert.Contains(t, string(log), `"outcome":"done"`)

	r := s.run("demo")
	assert.Equal(t, exitUsage, r.code, "a directory that is not empty")
}

// The directory on premises that comes along, and Entra Connect: what was made there is
// gone there in the end.
func TestDemoSynced(t *testing.T) {
	s := newShell(t)
	out := s.ok("demo", "--profile", "kaspersky-quarantine", "--mode", "synced", "--replication", "100ms")
	for _, line := range []string{
		"Active Directory (DC=contoso,DC=com) and Entra Connect: stand-ins", "events/samples/onboard-kaspersky-synced.json, signed",
		"Made svc-kaspersky-hq@contoso.com in Active Directory", "has not brought the change from Active Directory to Entra yet",
		"Entra Connect brought svc-kaspersky-hq@contoso.com", "Deleted in Active Directory, and from there in Entra",
		"nothing of ours", "0 accounts in Active Directory", "the chain is whole",
	} {
		assert.Contains(t, out, line)
	}
	assert.NotContains(t, out, "%!")
}

func TestDemoOfAMode(t *testing.T) {
	out := newShell(t).ok("demo", "--profile", "kaspersky-quarantine", "--mode", "existing", "--replication", "100ms")
	assert.Contains(t, out, "onboard-kaspersky-existing.json")
	assert.NotContains(t, out, "Active Directory")
	for _, wrong := range []struct{ profile, mode, says, remedy string }{
		{"sam360", "synced", `no samples for profile "sam360" with --mode synced`, "it plays kaspersky-quarantine\n"},
		{"kaspersky-quarantine", "application", "with --mode application", "trendmicro-cas"},
		{"kaspersky-quarantine", "cloudy", `--mode is create, existing, synced or application, not "cloudy"`, ""},
		{"acrobat", "", `no samples for profile "acrobat"`, "it plays kaspersky-quarantine, mediafly"},
	} {
		s := newShell(t)
		r := s.run("demo", "--profile", wrong.profile, "--mode", wrong.mode)
		assert.Equal(t, exitUsage, r.code, r.err)
		assert.Contains(t, r.err, wrong.says)
		assert.Contains(t, r.err, wrong.remedy)
		assert.NoDirExists(t, s.dir, "nothing was begun")
	}
}

// A connection has no account, and nothing says that it has.
func TestDemoOfAConnection(t *testing.T) {
	out := newShell(t).ok("demo", "--profile", "trendmicro-cas", "--replication", "100ms")
	for _, line := range []string{"1  A ticket asks for a connection", "There is no password", "nothing of ours", "the chain is whole"} {
		assert.Contains(t, out, line)
	}
	assert.NotContains(t, out, "asks for an account")
}

// The demo runs every guide, and whoever has to agree agrees.
func TestDemoOfEveryOtherProfile(t *testing.T) {
	for name, says := range map[string]string{
		"practice-protect-federation":    "one person must still agree",
		"practice-protect-mail-redirect": "Exchange Administrator assigned",
		"mediafly-intelligence":          "tenant setting admin-consent-request-policy",
	} {
		t.Run(name, func(t *testing.T) {
			out := newShell(t).ok("demo", "--profile", name, "--replication", "100ms")
			for _, line := range []string{says, "agrees: usher approve", "nothing of ours", "the chain is whole"} {
				assert.Contains(t, out, line)
			}
		})
	}
}

// A synced account outlives the process, in the directory and in Entra.
func TestSyncedAccountInTheTenantThatComesAlong(t *testing.T) {
	s := newShell(t)
	t.Run("made", func(t *testing.T) {
		s := &shell{T: t, dir: s.dir, env: s.env}
		s.serve("--tenant", "embedded", "--replication", "10ms")
		require.Equal(t, exitWaiting, s.run("request", "-f", "onboard-kaspersky-synced.json", "--wait").code)
		assert.Contains(t, agree(t, s), "Entra Connect brought")
	})
	s.serve("--tenant", "embedded", "--replication", "10ms")
	assert.Contains(t, s.ok("request", "-f", "offboard-kaspersky-synced.json", "--wait"), "Deleted in Active Directory, and from there in Entra")
	var runs []ledger.SyncRun
	s.json(&runs, "sync")
	require.Len(t, runs, 1)
	assert.Empty(t, runs[0].Findings)
}

// sample gives a sample with some text replaced.
func sample(t *testing.T, name string, replace ...string) string {
	t.Helper()
	b, err := samples.Files.ReadFile(name)
	require.NoError(t, err)
	return strings.NewReplacer(replace...).Replace(string(b))
}

// The same story with and without a server: the commands must not differ.
func TestStory(t *testing.T) {
	t.Run("InThisProcess", func(t *testing.T) { story(t, newShell(t)) })
	t.Run("Served", func(t *testing.T) {
		s := newShell(t)
		s.serve("--replication", "10ms")
		story(t, s)
	})
}

func story(t *testing.T, s *shell) {
	r := s.run("request", "-f", "events/samples/onboard-kaspersky-new.json", "--wait")
	require.Equal(t, exitWaiting, r.code, "%s%s", r.out, r.err)
	assert.Contains(t, r.out, "need one approver")
	assert.Contains(t, agree(t, s), "done")
	assert.Contains(t, s.ok("request", "-f", "onboard-kaspersky-new.json"), "Taken before")

	var accounts []console.Account
	s.json(&accounts, "list", "--accounts")
	require.Len(t, accounts, 1)
	assert.Equal(t, account.AccountActive, accounts[0].State)
	assert.NotEmpty(t, accounts[0].SecretRef)
	name := accounts[0].UserPrincipalName

	var requests []console.Request
	s.json(&requests, "list")
	require.Len(t, requests, 1)
	assert.Contains(t, s.ok("status", requests[0].ID), "What happened")
	assert.Contains(t, s.ok("list"), "succeeded")

	s.ok("revoke", name, "--reason", "over")
	s.json(&requests, "list")
	assert.Equal(t, account.Offboard, requests[0].Action)
	s.json(&accounts, "list", "--accounts")
	assert.Empty(t, accounts)
	assert.Equal(t, exitWaiting, s.run("undo", requests[0].ID).code, "what is given again needs the same")
	agree(t, s)
	s.json(&accounts, "list", "--accounts")
	assert.Equal(t, account.AccountActive, accounts[0].State)

	var runs []ledger.SyncRun
	s.json(&runs, "sync")
	require.Len(t, runs, 1)
	assert.Empty(t, runs[0].Findings)
	var chains []console.Chain
	s.json(&chains, "audit", "verify")
	assert.Empty(t, chains[0].Broken)
	assert.Contains(t, s.ok("dead", "list"), "No dead letters.")

	for _, wrong := range [][]string{{"revoke", "nobody@contoso.com"}, {"status", "nothing"}, {"undo", "nothing"}, {"dead", "show", "a/b/1"}, {"sync", "--tenant", "fabrikam"}} {
		r := s.run(wrong...)
		assert.Equal(t, exitRefused, r.code, "%v: %s", wrong, r.err)
	}
}

// agree approves the newest request.
func agree(t *testing.T, s *shell) string {
	t.Helper()
	var requests []console.Request
	s.json(&requests, "list", "--open")
	require.Len(t, requests, 1)
	return s.ok("approve", requests[0].ID, "--by", "boss@contoso.com")
}

func TestApproval(t *testing.T) {
	s := newShell(t)
	s.serve("--replication", "10ms")
	r := s.run("request", "-f", "onboard-practice-protect-federation.json", "--wait")
	require.Equal(t, exitWaiting, r.code, "%s%s", r.out, r.err)
	assert.Contains(t, r.err, "usher approve")
	var requests []console.Request
	s.json(&requests, "list", "--open")
	require.Equal(t, account.Parked, requests[0].State)
	assert.Equal(t, exitRefused, s.run("approve", requests[0].ID, "--by", requests[0].Requester).code, "never the requester")
	assert.Contains(t, s.ok("status", requests[0].ID), "Bea Boss may agree")
	assert.Equal(t, exitRefused, s.run("approve", requests[0].ID, "--by", "security@contoso.com", "--digest", "sha256:0").code, "another content")
	assert.Equal(t, exitWaiting, s.run("approve", requests[0].ID, "--by", "security@contoso.com", "--digest", requests[0].Pending.Digest).code, "it takes two")
	assert.Contains(t, s.ok("status", requests[0].ID), "approved by security@contoso.com")
	s.ok("approve", requests[0].ID, "--by", "boss@contoso.com")
	s.json(&requests, "list")
	assert.Equal(t, account.Succeeded, requests[0].State)
}

func TestRefusedRequest(t *testing.T) {
	s := newShell(t)
	for name, document := range map[string]string{
		"NotJSON": "{", "Empty": "{}",
		"UnknownProfile": sample(t, "onboard-sam360.json", `"sam360"`, `"sam361"`),
		"UnknownRole":    sample(t, "onboard-sam360.json", "Service Support Administrator", "Service Support Wizard"),
		"UnknownTenant":  sample(t, "onboard-sam360.json", "contoso.onmicrosoft.com", "fabrikam.onmicrosoft.com"),
		"Protected":      sample(t, "onboard-kaspersky-existing.json", "mail.operations", "breakglass1"),
	} {
		t.Run(name, func(t *testing.T) {
			r := s.with(t.Context(), document, "request", "-f", "-", "--wait")
			assert.Equal(t, exitRefused, r.code, "%s%s", r.out, r.err)
			assert.Contains(t, r.err, "refused")
		})
	}
	var accounts []console.Account
	s.json(&accounts, "list", "--accounts", "--all")
	assert.Empty(t, accounts)
}

func TestRealTenantFromTheEnvironment(t *testing.T) {
	s := newShell(t).real()
	s.serve()
	s.ok("request", "-f", "onboard-sam360.json", "--wait")
	s.ok("request", "-f", "offboard-sam360.json", "--wait")
	here, ok := running(t.Context(), s.dir)
	require.True(t, ok)
	assert.Equal(t, http.StatusOK, probe(t, here.URL+"/readyz"))
	assert.Equal(t, http.StatusOK, probe(t, here.URL+"/metrics"))
	s.env["USHER_WEBHOOK_SECRET"] = "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
	assert.Equal(t, exitConfig, s.run("request", "-f", "onboard-sam360.json").code, "another secret than the server's")
}

// A tenant whose domains cannot be learned makes the server not ready, and asks the
// ticketing system to come back instead of refusing its ticket.
func TestUnreachableTenantIsNotReady(t *testing.T) {
	s := newShell(t).real()
	s.env["USHER_LOGIN_ENDPOINT"] = "https://127.0.0.1:1"
	s.serve()
	here, ok := running(t.Context(), s.dir)
	require.True(t, ok)
	assert.Equal(t, http.StatusServiceUnavailable, probe(t, here.URL+"/readyz"))
	assert.Equal(t, exitUnreachable, s.run("request", "-f", "onboard-sam360.json").code)
	var requests []console.Request
	s.json(&requests, "list")
	assert.Empty(t, requests, "the ticket was not refused")
}

func probe(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

func TestThingsToRead(t *testing.T) {
	s := newShell(t)
	assert.Contains(t, s.ok("--help"), "usher demo")
	assert.Contains(t, s.ok("help", "exit-codes"), "not reachable")
	assert.Contains(t, s.ok("profiles"), "sam360")
	assert.Contains(t, s.ok("profiles", "show", "sam360"), "View-Only Organization Management")
	assert.Contains(t, s.ok("completion", "bash"), "usher")
	assert.Contains(t, s.ok("policy", "show"), "schema: usher.policy/v1")
	explained := s.ok("policy", "explain", "onboard-practice-protect-federation.json")
	for _, line := range []string{"Two different approvers have to agree", "at most 90 days", "Hybrid Identity Administrator"} {
		assert.Contains(t, explained, line)
	}
	assert.Equal(t, exitRefused, s.run("policy", "explain", "offboard-sam360.json").code)
	assert.Equal(t, exitUsage, s.run("policy", "explain", "nothing.json").code)
	fit := s.ok("fitness", "onboard-sam360.json")
	assert.Contains(t, fit, "sam360reports@contoso.onmicrosoft.com")
	assert.Contains(t, fit, "app-identity")
	assert.Equal(t, exitRefused, s.run("fitness", "offboard-sam360.json").code)
	assert.Equal(t, exitUsage, s.run("fitness", "nothing.json").code)
	var v versionInfo
	require.NoError(t, json.Unmarshal([]byte(s.ok("version", "--json")), &v))
	assert.NotEmpty(t, v.Go)
}
