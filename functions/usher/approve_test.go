package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

const svensToken = "the-token-of-sven-and-of-nobody-else"

// The same with and without a server: Sven has a token of his own, and Bea has none.
func TestApprovalWithATokenOfOnesOwn(t *testing.T) {
	for _, mode := range []string{"InThisProcess", "Served"} {
		t.Run(mode, func(t *testing.T) {
			s := newShell(t)
			s.env["USHER_APPROVER_TOKENS"] = "security@contoso.com=" + svensToken
			if mode == "Served" {
				s.serve("--replication", "10ms")
			}
			ownToken(t, s)
		})
	}
}

func ownToken(t *testing.T, s *shell) {
	require.Equal(t, exitWaiting, s.run("request", "-f", "onboard-practice-protect-federation.json", "--wait").code)
	var requests []console.Request
	s.json(&requests, "list", "--open")
	id := requests[0].ID
	assert.Contains(t, s.ok("status", id), "Sven Security may agree, with their own token: usher approve "+id+"\n")
	r := s.run("approve", id, "--by", "security@contoso.com")
	assert.Equal(t, exitRefused, r.code)
	assert.Contains(t, r.err, "security@contoso.com has a token of their own")
	assert.Contains(t, r.err, personalToken)

	s.env[personalToken] = "somebody-elses-token-that-nobody-knows"
	assert.Equal(t, exitConfig, s.run("approve", id).code)
	s.env[personalToken] = svensToken
	r = s.run("approve", id, "--by", "boss@contoso.com")
	assert.Equal(t, exitRefused, r.code)
	assert.Contains(t, r.err, "the token is that of security@contoso.com")
	r = s.run("approve", id, "--reason", "seen")
	assert.Equal(t, exitWaiting, r.code, "it takes two: %s", r.err)
	assert.Contains(t, r.out, "Approved with your own token.")
	assert.NotContains(t, r.out+r.err, svensToken)

	delete(s.env, personalToken)
	assert.Contains(t, s.ok("status", id), "via cli, with their own token")
	s.ok("approve", id, "--by", "boss@contoso.com")
	s.json(&requests, "list")
	assert.Equal(t, account.Succeeded, requests[0].State)
	assert.Equal(t, []account.Proof{account.ProofToken, account.ProofClaim}, []account.Proof{requests[0].Approvals[0].Proof, requests[0].Approvals[1].Proof})
}

// An approver needs nothing of the server but its address and a token in a file.
func TestApprovalFromElsewhere(t *testing.T) {
	s := newShell(t)
	s.env["USHER_APPROVER_TOKENS"] = "security@contoso.com=" + svensToken
	s.serve("--replication", "10ms")
	require.Equal(t, exitWaiting, s.run("request", "-f", "onboard-kaspersky-new.json", "--wait").code)
	var requests []console.Request
	s.json(&requests, "list", "--open")
	here, ok := running(t.Context(), s.dir)
	require.True(t, ok)

	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(svensToken+"\n"), 0o600))
	far := newShell(t)
	assert.Contains(t, far.ok("approve", requests[0].ID, "--server", here.URL+"/", "--token-file", file), "done")
	assert.NoDirExists(t, far.dir)
}

func TestWrongApprovals(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte(" \n"), 0o600))
	for name, c := range map[string]struct {
		token string
		args  []string
		says  string
	}{
		"Nobody":          {"", nil, "say who approves"},
		"BlankToken":      {" ", nil, "say who approves"},
		"ClaimElsewhere":  {"", []string{"--by", "ann@contoso.com", "--server", "https://usher.example.com"}, "say who approves"},
		"NoSuchFile":      {svensToken, []string{"--token-file", "/nowhere/token"}, "read the token"},
		"EmptyFile":       {svensToken, []string{"--token-file", empty}, "is empty"},
		"InTheClear":      {svensToken, []string{"--server", "http://usher.example.com"}, "must begin with https://"},
		"NoAddress":       {svensToken, []string{"--server", "usher.example.com"}, "is not an address"},
		"PasswordInIt":    {svensToken, []string{"--server", "https://a:b@usher.example.com"}, "is not an address"},
		"QuestionInIt":    {svensToken, []string{"--server", "https://usher.example.com?a=b"}, "is not an address"},
		"TokenInAFlag":    {"", []string{"--token", svensToken}, "unknown flag: --token"},
		"AnotherProtocol": {svensToken, []string{"--server", "ftp://localhost"}, "must begin with https://"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			s.env[personalToken] = c.token
			r := s.run(append([]string{"approve", "rq"}, c.args...)...)
			assert.Equal(t, exitUsage, r.code, r.err)
			assert.Contains(t, r.err, c.says)
			assert.NotContains(t, r.err, svensToken)
		})
	}
}

// A token that is nobody's, or everybody's, is refused before anything begins.
func TestWrongTokensOfApprovers(t *testing.T) {
	for given, says := range map[string]string{
		"eve@contoso.com=" + svensToken:      "USHER_APPROVER_TOKENS, entry 1: is the token of nobody who may approve",
		"security@contoso.com=short":         "has fewer than 32 characters",
		"security@contoso.com=" + sharedLong: "is the token of the whole API",
	} {
		s := newShell(t)
		s.env["USHER_APPROVER_TOKENS"], s.env["USHER_API_TOKEN"] = given, sharedLong
		r := s.run("serve", "--listen", "127.0.0.1:0")
		assert.Equal(t, exitConfig, r.code, r.err)
		assert.Contains(t, r.err, says)
		assert.NotContains(t, r.err, svensToken)
	}
}

const sharedLong = "the-token-that-everybody-shares-here"
