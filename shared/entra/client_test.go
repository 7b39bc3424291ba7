package entra_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
)

func TestNewNamesEverythingThatIsWrongAtOnce(t *testing.T) {
	_, err := entra.New(entra.Options{Endpoint: "http://graph.microsoft.com", Scope: "User.Read"})
	require.Error(t, err)
	for _, word := range []string{"credential", "endpoint", "https", "scope", "/.default"} {
		assert.Contains(t, err.Error(), word)
	}
}

func TestNewRefusesWhatIsNoPlainHTTPSAddress(t *testing.T) {
	for _, endpoint := range []string{"", "https://", "graph.microsoft.com", "https://u:hush@graph.microsoft.com", "https://g/?a=b", "https://g/#x", "https://g\x7f/", "ftp://g"} {
		o := newGraph(t, answer(200, "")).options()
		o.Endpoint = endpoint
		_, err := entra.New(o)
		require.Error(t, err, endpoint)
		assert.NotContains(t, err.Error(), "hush")
	}
}

func TestEndpointMayEndInVersionOrSlashAndHaveAPath(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	for suffix, path := range map[string]string{"": "/v1.0/users/x", "/": "/v1.0/users/x", "/v1.0": "/v1.0/users/x", "/v1.0/": "/v1.0/users/x", "/graph": "/graph/v1.0/users/x"} {
		o := g.options()
		o.Endpoint = g.URL + suffix
		c := mustClient(t, o)
		_, err := c.User(ctx, tenant, "x")
		require.NoError(t, err)
		assert.Equal(t, path, g.last(t).URL.Path)
	}
}

func TestReadsAreRepeatedShortly(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"503":  answer(503, ""),
		"500":  answer(500, "<html>"),
		"429":  answer(429, graphError("TooManyRequests", "…")),
		"lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(t, sequence(first, first, answer(200, golden(t, "user.json"))))
			_, err := g.client(t).User(ctx, tenant, userID)
			require.NoError(t, err)
			assert.Len(t, g.requests(), 3)
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	g := newGraph(t, answer(503, ""))
	_, err := g.client(t).User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.ServiceUnavailable))
	assert.Len(t, g.requests(), 3, "two repetitions")

	o := g.options()
	o.Retries = -1
	c := mustClient(t, o)
	_, err = c.User(ctx, tenant, userID)
	require.Error(t, err)
	assert.Len(t, g.requests(), 4, "none")
}

func TestSilentServerIsUnreachable(t *testing.T) {
	block := make(chan struct{})
	g := newGraph(t, func(http.ResponseWriter, *http.Request) { <-block })
	t.Cleanup(func() { close(block) })
	o := g.options()
	o.Timeout, o.Retries = 20*time.Millisecond, -1
	c := mustClient(t, o)
	_, err := c.User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.Unreachable), err)
}

func TestDeadlineOfTheCallerIsUnreachable(t *testing.T) {
	block := make(chan struct{})
	g := newGraph(t, func(http.ResponseWriter, *http.Request) { <-block })
	t.Cleanup(func() { close(block) })
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := g.client(t).User(short, tenant, userID)
	assert.True(t, fault.Is(err, fault.Unreachable), err)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCancelledCallSaysSo(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := g.client(t).User(cancelled, tenant, userID)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	expired := answer(401, graphError("InvalidAuthenticationToken", "Access token has expired or is not yet valid."))
	g := newGraph(t, sequence(expired, answer(201, `{"id":"x"}`)))
	_, err := g.client(t).CreateUser(ctx, tenant, newUser())
	require.NoError(t, err, "a refused request did nothing, so even a create is sent again")
	require.Len(t, g.requests(), 2)
	assert.Equal(t, "Bearer token-2", g.last(t).Header.Get("Authorization"))
	assert.Equal(t, g.requests()[0].body, g.requests()[1].body)

	g = newGraph(t, expired)
	_, err = g.client(t).User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.TokenRejected))
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	assert.Len(t, g.requests(), 2)
}

func TestClaimsChallengeIsAnswered(t *testing.T) {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	g := newGraph(t, sequence(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
		w.WriteHeader(401)
	}, answer(204, "")))
	require.NoError(t, g.client(t).SetEnabled(ctx, tenant, userID, false))
	assert.Equal(t, claims, g.credential.asked[1].Claims)
	assert.JSONEq(t, golden(t, "disable-user.json"), g.last(t).body)
}

func TestForgetAsksForATokenThatIsNotCached(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	c := g.client(t)
	for _, want := range []string{"Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"} {
		if len(g.requests()) == 2 {
			c.Forget(tenant)
		}
		_, err := c.User(ctx, tenant, userID)
		require.NoError(t, err)
		assert.Equal(t, want, g.last(t).Header.Get("Authorization"))
	}
	assert.Len(t, g.credential.asked, 2)
	assert.True(t, g.credential.asked[0].EnableCAE)
}

func TestTenantsDoNotShareTokens(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	var mu sync.Mutex
	asked := map[account.TenantID]int{}
	o := g.options()
	o.Credential = func(id account.TenantID) (azcore.TokenCredential, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[id]++
		return &credential{jwt: "token-of-" + string(id)}, nil
	}
	c := mustClient(t, o)
	for _, id := range []account.TenantID{"a", "b", "a", "b"} {
		_, err := c.User(ctx, id, userID)
		require.NoError(t, err)
		assert.Equal(t, "Bearer token-of-"+string(id), g.last(t).Header.Get("Authorization"))
	}
	assert.Equal(t, map[account.TenantID]int{"a": 1, "b": 1}, asked)
}

func TestSignInFailuresKeepTheirFault(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	g.credential.err = fault.Stop(fault.ConsentMissing, errors.New("no consent"))
	_, err := g.client(t).User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.ConsentMissing))
	assert.Contains(t, err.Error(), string(tenant))
	assert.Contains(t, err.Error(), "read user "+userID)
	assert.Len(t, g.credential.asked, 1, "never repeated here")
	assert.Empty(t, g.requests())
}

func TestUnusableCredentialIsPermanent(t *testing.T) {
	o := newGraph(t, answer(200, "")).options()
	o.Credential = func(account.TenantID) (azcore.TokenCredential, error) {
		return nil, errors.New("no certificate at /x")
	}
	c := mustClient(t, o)
	_, err := c.Identity(ctx, tenant)
	assert.True(t, fault.Is(err, fault.CredentialInvalid))
	assert.Contains(t, err.Error(), "no certificate at /x")
}

func TestIdentity(t *testing.T) {
	g := newGraph(t, answer(200, ""))
	g.credential.jwt = jwt(`{"tid":"t","appid":"app","oid":"sp","roles":["User.ReadWrite.All"],"wids":["29232cdf"]}`)
	who, err := g.client(t).Identity(ctx, tenant)
	require.NoError(t, err)
	assert.Equal(t, entra.Identity{TenantID: "t", AppID: "app", ObjectID: "sp", Roles: []string{"User.ReadWrite.All"}, DirectoryRoles: []string{"29232cdf"}}, who)

	for _, bad := range []string{"opaque", "a.%%.c", jwt(`{"roles":"all"}`)} {
		g.credential.jwt = bad
		_, err := g.client(t).Identity(ctx, tenant)
		require.Error(t, err)
		assert.True(t, fault.Is(err, fault.AnswerNotUnderstood))
		assert.NotContains(t, err.Error(), bad)
	}
}

func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("signature"))
}

// inProcess is a transport of any kind, as an emulator without sockets gives it.
type inProcess func(*http.Request) (*http.Response, error)

func (f inProcess) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
