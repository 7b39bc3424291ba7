package entra_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
)

const (
	tenant   = account.TenantID("0550b473-9fd2-4dbb-a058-a1640b4bf458")
	userID   = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	roleID   = "f023fd81-a637-4b56-95fd-791ac0226033"
	password = "canary-xWwvJ]6NMw+bWH-d"
)

var ctx = context.Background()

// credential hands out tokens token-1, token-2, … and counts like a credential with a
// cache does: only a request with claims passes it.
type credential struct {
	mu     sync.Mutex
	issued int
	asked  []policy.TokenRequestOptions
	err    error
	jwt    string
}

func (c *credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, o)
	if c.err != nil {
		return azcore.AccessToken{}, c.err
	}
	if c.issued == 0 || o.Claims != "" {
		c.issued++
	}
	tok := c.jwt
	if tok == "" {
		tok = fmt.Sprintf("token-%d", c.issued)
	}
	return azcore.AccessToken{Token: tok, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// seen is a request as it arrived.
type seen struct {
	*http.Request
	body string
}

// graph is a small Graph: a TLS server that keeps what arrives.
type graph struct {
	*httptest.Server
	credential  *credential
	connections atomic.Int32

	mu   sync.Mutex
	seen []seen
}

func newGraph(t testing.TB, h http.HandlerFunc) *graph {
	g := &graph{credential: &credential{}}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		g.mu.Lock()
		g.seen = append(g.seen, seen{r, string(body)})
		g.mu.Unlock()
		w.Header().Set("request-id", "server-request-id")
		h(w, r)
	}))
	g.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			g.connections.Add(1)
		}
	}
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *graph) requests() []seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]seen(nil), g.seen...)
}

func (g *graph) last(t testing.TB) seen {
	all := g.requests()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func (g *graph) options() entra.Options {
	return entra.Options{
		Credential: func(account.TenantID) (azcore.TokenCredential, error) { return g.credential, nil },
		Endpoint:   g.URL,
		Scope:      "https://graph.microsoft.com/.default",
		Transport:  g.Server.Client(),
		RetryDelay: time.Millisecond,
		NewID:      func() string { return "our-request-id" },
	}
}

func (g *graph) client(t testing.TB) *entra.Client {
	return mustClient(t, g.options())
}

// answer is a handler that always gives the same answer.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { write(w, status, body) }
}

func write(w http.ResponseWriter, status int, body string) {
	if body != "" {
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal")
	}
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// sequence answers with each handler in turn, and with the last one from then on.
func sequence(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		i := min(int(n.Add(1)), len(handlers))
		handlers[i-1](w, r)
	}
}

func graphError(code, message string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{"date":"2026-08-20T10:17:06","request-id":"inner-request-id"}}}`, code, message)
}

func golden(t testing.TB, name string) string {
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(b)
}

func newUser() account.NewUser {
	return account.NewUser{
		UserPrincipalName: "svc-sam360@contoso.onmicrosoft.com", MailNickname: "svc-sam360",
		DisplayName: "SAM 360 Service", GivenName: "SAM", Surname: "360", UsageLocation: "GB",
		Password: account.NewSecret(password), PasswordNeverExpires: true, Stamp: account.StampOf("req-1"),
	}
}

// other is one of many tenants.
func other(i int) account.TenantID { return account.TenantID(fmt.Sprintf("tenant-%d", i)) }

func mustClient(t testing.TB, o entra.Options) *entra.Client {
	c, err := entra.New(o)
	require.NoError(t, err)
	return c
}
