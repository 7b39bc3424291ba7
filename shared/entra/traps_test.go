package entra_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

// The traps of the Graph SDK's defaults, each of which this package has to avoid.

// Trap 1: middleware of random order resends a plain body as gzip.
func TestTrapRetriedBodyIsWhole(t *testing.T) {
	for range 40 { // the SDK's order was random per client
		g := newGraph(t, sequence(answer(429, ""), answer(201, `{"id":"x"}`)))
		_, err := g.client(t).CreateUser(ctx, tenant, newUser())
		require.NoError(t, err)
		require.Len(t, g.requests(), 2)
		for _, r := range g.requests() {
			assert.Empty(t, r.Header.Get("Content-Encoding"))
			assert.JSONEq(t, golden(t, "create-user.json"), r.body)
		}
	}
}

// Trap 2: Retry-After of any length is slept through, and then lost.
func TestTrapLongRetryAfterIsReturnedAtOnce(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "300")
		write(w, 429, graphError("TooManyRequests", "…"))
	})
	c := g.client(t)
	began := time.Now()
	_, err := c.User(ctx, tenant, userID)
	_, err2 := c.CreateUser(ctx, tenant, newUser())
	assert.Less(t, time.Since(began), 5*time.Second)
	for _, err := range []error{err, err2} {
		assert.True(t, fault.Is(err, fault.Throttled), err)
		assert.Equal(t, fault.Transient, fault.ClassOf(err))
		assert.Equal(t, 300*time.Second, fault.RetryAfter(err))
	}
	assert.Len(t, g.requests(), 2)
}

// Trap 3: the answers of repeated requests are never closed, and each leaves a connection.
// Trap 8: every client of the SDK has a connection pool of its own.
func TestTrapRetriesAndTenantsShareOneConnection(t *testing.T) {
	busy := answer(503, graphError("serviceNotAvailable", "busy"))
	g := newGraph(t, sequence(busy, busy, busy, busy, busy, busy, answer(200, golden(t, "user.json"))))
	c := g.client(t)
	failed := 0
	for i := range 20 {
		_, err := c.User(ctx, other(i), userID)
		for _, err := range []error{err, c.RevokeSessions(ctx, tenant, userID)} {
			if err != nil {
				assert.True(t, fault.Is(err, fault.ServiceUnavailable))
				failed++
			}
		}
	}
	assert.Equal(t, 2, failed, "the first read after three tries, the first write after one")
	assert.Len(t, g.requests(), 44)
	assert.EqualValues(t, 1, g.connections.Load())
}

// Trap 4: bodies go out chunked and cannot be sent a second time.
func TestTrapBodyHasALengthAndSurvivesALostConnection(t *testing.T) {
	g := newGraph(t, sequence(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, answer(204, "")))
	require.NoError(t, g.client(t).SetEnabled(ctx, tenant, userID, false))
	for _, r := range g.requests() {
		assert.JSONEq(t, golden(t, "disable-user.json"), r.body)
		assert.EqualValues(t, len(r.body), r.ContentLength)
		assert.Empty(t, r.TransferEncoding)
	}
}

// Trap 5: a change of an object that was read is sent as nothing at all: a "disable"
// that does nothing.
func TestTrapDisableAfterReadSaysAccountEnabledFalse(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			write(w, 200, golden(t, "user.json"))
			return
		}
		w.WriteHeader(204)
	})
	c := g.client(t)
	for _, enabled := range []bool{false, true, false} {
		u, err := c.User(ctx, tenant, userID)
		require.NoError(t, err)
		require.NoError(t, c.SetEnabled(ctx, tenant, u.ObjectID, enabled))
		assert.JSONEq(t, fmt.Sprintf(`{"@odata.type":"#microsoft.graph.user","accountEnabled":%t}`, enabled), g.last(t).body)
	}
}

// Trap 6: an error without a message panics, a page of HTML hides the status, and a
// success without a body is no object and no error.
func TestTrapErrorBodiesOfAnyShape(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   fault.Code
	}{
		{403, `{"error":{"code":"Authorization_RequestDenied"}}`, fault.PermissionMissing},
		{400, `{"error":{"code":"x"}}`, fault.GraphRequestRejected},
		{400, `{}`, fault.AnswerNotUnderstood},
		{400, `{"error":null}`, fault.AnswerNotUnderstood},
		{400, `{"error":"x"}`, fault.AnswerNotUnderstood},
		{400, `{"error":{"code":"x","message":7,"details":"y","innerError":[]}}`, fault.GraphRequestRejected},
		{400, `[]`, fault.AnswerNotUnderstood},
		{400, ``, fault.AnswerNotUnderstood},
		{400, `{"error":{"code":"Request_BadReq`, fault.AnswerNotUnderstood},
		{403, `<html>`, fault.AnswerNotUnderstood},
		{502, `<html>`, fault.ServiceUnavailable},
		{503, ``, fault.ServiceUnavailable},
		{302, ``, fault.AnswerNotUnderstood},
		{200, `<html>`, fault.AnswerNotUnderstood},
		{200, `{"id":"87d3`, fault.AnswerNotUnderstood},
		{200, ``, fault.AnswerNotUnderstood},
		{201, ``, fault.AnswerNotUnderstood},
		{204, ``, fault.AnswerNotUnderstood},
	} {
		t.Run(fmt.Sprintf("%d %s", tc.status, tc.body), func(t *testing.T) {
			c := newGraph(t, answer(tc.status, tc.body)).client(t)
			_, read := c.User(ctx, tenant, userID)
			_, created := c.CreateUser(ctx, tenant, newUser())
			_, assigned := c.AssignRole(ctx, tenant, userID, roleID)
			_, deleted := c.DeletedUser(ctx, tenant, userID)
			_, domains := c.Domains(ctx, tenant)
			for _, err := range []error{read, created, assigned, deleted, domains} {
				assert.Truef(t, fault.Is(err, tc.want), "%v", err)
			}
		})
	}
}

// Trap 7: builders write into a map, so sharing one is a fatal error.
func TestTrapManyGoroutines(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			write(w, 200, golden(t, "user.json"))
		case http.MethodPost:
			write(w, 201, `{"id":"x"}`)
		default:
			w.WriteHeader(204)
		}
	})
	c := g.client(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 8 {
				_, err := c.User(ctx, tenant, userID)
				assert.NoError(t, err)
				assert.NoError(t, c.SetEnabled(ctx, tenant, userID, false))
				_, err = c.AssignRole(ctx, other(i%3), userID, roleID)
				assert.NoError(t, err)
				if i == 0 {
					c.Forget(tenant)
				}
			}
		})
	}
	wg.Wait()
}

// Trap of section 4: a host that is not on the SDK's list is called without a token,
// and without an error. Here every host that was configured gets the token, and every
// other one is an error.
func TestTrapCustomHostGetsTheToken(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "user.json")))
	_, err := g.client(t).User(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, "Bearer token-1", g.last(t).Header.Get("Authorization"))

	o := g.options() // any name will do, in process
	o.Endpoint = "https://graph.example.test:8443/tenants"
	var asked []string
	o.Transport = &http.Client{Transport: inProcess(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host+" "+r.Header.Get("Authorization"))
		w := httptest.NewRecorder()
		write(w, 200, golden(t, "user.json"))
		return w.Result(), nil
	})}
	c := mustClient(t, o)
	_, err = c.User(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, []string{"graph.example.test:8443 Bearer token-1"}, asked)
}

func TestTrapForeignHostIsAnErrorAndGetsNothing(t *testing.T) {
	other := newGraph(t, answer(200, `{"value":[]}`))
	var g *graph
	for _, next := range []string{other.URL + "/v1.0/users", "http://HOST/v1.0/users", "https://HOST/beta/users", "/v1.0/users", "not a link", "https://u:hush@evil.test/v1.0/users"} {
		g = newGraph(t, func(w http.ResponseWriter, r *http.Request) {
			link := next
			if u, err := url.Parse(link); err == nil && u.Host == "HOST" {
				link = u.Scheme + "://" + r.Host + u.Path
			}
			write(w, 200, `{"value":[{"id":"a"}],"@odata.nextLink":"`+link+`"}`)
		})
		_, cursor, err := g.client(t).UserPage(ctx, tenant, "")
		require.NoError(t, err)
		_, _, err = g.client(t).UserPage(ctx, tenant, cursor)
		require.Error(t, err, next)
		assert.NotContains(t, err.Error(), "hush")
		assert.Len(t, g.requests(), 1, next)
	}
	assert.Empty(t, other.requests())
}

// A redirect would carry the token away.
func TestRedirectIsNotFollowed(t *testing.T) {
	other := newGraph(t, answer(200, golden(t, "user.json")))
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	_, err := g.client(t).User(ctx, tenant, userID)
	assert.True(t, fault.Is(err, fault.AnswerNotUnderstood))
	assert.Error(t, g.client(t).RevokeSessions(ctx, tenant, userID))
	assert.Empty(t, other.requests())
}
