package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/scenetest"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/postgrestest"
	"github.com/usher365/usher/shared/queue/servicebus"
	"github.com/usher365/usher/shared/servicebusfake"
	"github.com/usher365/usher/shared/tenantfake"
)

// shared gives the shell a database and a namespace that many processes share, over TLS.
func (s *shell) shared() *servicebusfake.Server {
	s.Helper()
	fake := servicebusfake.New(servicebusfake.Options{Queues: servicebusfake.Deployed(append(events.Functions(), servicebus.Parked)...)})
	s.env["USHER_DATABASE_URL"] = postgrestest.Schema(s.T)
	s.env["USHER_SERVICEBUS_CONNECTION_STRING"] = scenetest.Namespace(s.T, fake, trust)
	s.env["USHER_VAULT"] = "file:" + filepath.Join(s.dir, "vault")
	s.ok("migrate")
	return fake
}

// process runs 'usher serve' until the test ends, and gives its address once it is ready.
func (s *shell) process(env map[string]string, args ...string) (url string) {
	s.Helper()
	address := scenetest.FreeAddress(s.T)
	one := &shell{T: s.T, dir: s.dir, env: map[string]string{"USHER_LISTEN": address}}
	for _, some := range []map[string]string{s.env, env} {
		for name, value := range some {
			one.env[name] = value
		}
	}
	if port, given := env["FUNCTIONS_CUSTOMHANDLER_PORT"]; given {
		address = "127.0.0.1:" + port
	}
	ctx, stop := context.WithCancel(s.Context())
	ended := make(chan result, 1)
	go func() { ended <- one.with(ctx, "", append([]string{"serve"}, args...)...) }()
	s.Cleanup(func() {
		stop()
		r := <-ended
		assert.Equal(s, exitOK, r.code, "%s", r.err)
	})
	url = "http://" + address
	require.Eventually(s, func() bool { return s.status("GET", url+"/readyz") == http.StatusOK }, 30*time.Second, 10*time.Millisecond)
	return url
}

// status is what a call is answered; 0 when it is not.
func (s *shell) status(method, url string) int {
	r, err := http.NewRequestWithContext(s.Context(), method, url, strings.NewReader("{}"))
	require.NoError(s, err)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(s, err)
	return answer.StatusCode
}

const upn = "sam360reports@contoso.onmicrosoft.com"

// Two processes with one data directory, each with other functions, do the main job
// together; the operator's commands are a third.
func TestTwoProcessesDoTheMainJob(t *testing.T) {
	s := newShell(t).on(slow)
	fake := s.shared()
	front := s.process(nil, "--functions", "intake,console,checkfitness,create,handover,notify")
	delete(s.env, "USHER_WEBHOOK_SECRET") // the worker needs none of these
	delete(s.env, "USHER_API_TOKEN")
	worker := s.process(nil, "--functions", "assignrole,grantrolegroup,revoke,fullsync")
	s.on(slow)
	assert.NoFileExists(t, filepath.Join(s.dir, serverFile))
	assert.Equal(t, http.StatusUnauthorized, s.status("GET", front+"/api/requests"))
	assert.Equal(t, http.StatusUnauthorized, s.status("POST", front+"/webhooks/standard"))
	for _, path := range []string{"/api/requests", "/webhooks/standard", "/"} {
		assert.Equal(t, http.StatusNotFound, s.status("POST", worker+path), path)
	}
	assert.Equal(t, http.StatusOK, s.status("GET", worker+"/healthz"))
	assert.Equal(t, http.StatusOK, s.status("GET", worker+"/metrics"))

	s.lives("onboard-sam360.json", "offboard-sam360.json")
	var runs []struct{ Findings []any }
	s.json(&runs, "sync")
	require.Len(t, runs, 1)
	assert.Empty(t, runs[0].Findings)
	for _, name := range events.Functions() {
		assert.Equal(t, servicebusfake.Depth{}, fake.Depth(name), name)
	}
}

func TestSharedEnginesNeedOneVault(t *testing.T) {
	s := newShell(t).real()
	s.env["USHER_DATABASE_URL"] = "postgres://usher@127.0.0.1:1/usher"
	s.env["USHER_SERVICEBUS_CONNECTION_STRING"] = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0"
	r := s.run("serve")
	assert.Equal(t, exitConfig, r.code, r.err)
	assert.Contains(t, r.err, "USHER_VAULT")
	r = s.run("serve", "--functions", "notify")
	assert.NotContains(t, r.err, "USHER_VAULT", "what seals nothing needs none")
}

// lives onboards the account of a sample and offboards it again, seen from outside.
func (s *shell) lives(onboard, offboard string) {
	s.Helper()
	s.ok("request", "-f", onboard, "--wait")
	var accounts []console.Account
	s.json(&accounts, "list", "--accounts")
	require.Len(s, accounts, 1)
	assert.Equal(s, account.AccountActive, accounts[0].State)
	assert.NotEmpty(s, accounts[0].SecretRef)
	tenant := slow.Server.Tenant(tenantfake.DefaultTenantID)
	assert.Equal(s, []string{"Service Support Administrator"}, tenant.RolesOf(upn))
	assert.Len(s, tenant.RoleGroupMembers("View-Only Organization Management"), 1)
	s.ok("request", "-f", offboard, "--wait")
	s.json(&accounts, "list", "--accounts")
	assert.Empty(s, accounts)
	assert.Empty(s, tenant.RoleGroupMembers("View-Only Organization Management"))
}

// An operator's command on shared engines orders work and leaves it to those who serve.
func TestAnOrderOnSharedEnginesIsNotWorkedOnHere(t *testing.T) {
	s := newShell(t).real()
	fake := s.shared()
	s.ok("request", "-f", "onboard-sam360.json")
	assert.Equal(t, servicebusfake.Depth{Active: 1}, fake.Depth(events.CheckFitness))
	var requests []console.Request
	s.json(&requests, "list")
	require.Len(t, requests, 1)
	assert.False(t, requests[0].Over)
}

func TestFunctionsThatThereAreNot(t *testing.T) {
	r := newShell(t).run("serve", "--functions", "create,destroy")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.err, `no function "destroy"`)
	assert.Contains(t, r.err, "intake, console, checkfitness, create")
}

// A worker is told what it lacks, and not what only others need.
func TestWhatAWorkerNeeds(t *testing.T) {
	s := newShell(t)
	r := s.run("serve", "--tenant", "real", "--functions", "create,notify")
	assert.Equal(t, exitConfig, r.code)
	assert.Contains(t, r.err, "AZURE_TENANT_ID")
	assert.NotContains(t, r.err, "USHER_WEBHOOK_SECRET")
	assert.NotContains(t, r.err, "USHER_API_TOKEN")
}

// The secrets of others are not asked for: one file serves workers that may each read their own.
func TestAWorkerReadsItsOwnSecrets(t *testing.T) {
	s := newShell(t)
	path := filepath.Join(t.TempDir(), "usher.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
apiToken: env:NO_TOKEN
callback: {url: "https://desk.contoso.com", secret: env:NO_CALLBACK}
tenants:
  - {alias: contoso, id: 0550b473-9fd2-4dbb-a058-a1640b4bf458, activeDirectory: {url: "ldaps://dc1", baseDN: "DC=corp", bindName: u, password: env:NO_PASSWORD}}
`), 0o600))
	for functions, lacks := range map[string]string{"assignrole": "", "revoke,assignrole": "NO_PASSWORD", "notify": "NO_CALLBACK", "console": "NO_TOKEN"} {
		r := s.run("--config", path, "serve", "--tenant", "real", "--functions", functions)
		assert.Equal(t, exitConfig, r.code, "nothing says how to sign in")
		for _, name := range []string{"NO_PASSWORD", "NO_CALLBACK", "NO_TOKEN"} {
			assert.Equal(t, name == lacks, strings.Contains(r.err, name), "%s: %s", functions, r.err)
		}
	}
}

func TestStoppingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, stop)
		began, free := time.Now(), make(chan struct{})
		err := bounded(ctx, func() error { <-free; return nil })
		require.ErrorContains(t, err, "did not end")
		assert.Equal(t, time.Hour+host.Grace+10*time.Second, time.Since(began))
		close(free)
		require.NoError(t, bounded(ctx, func() error { return nil }))
	})
}
