package ticket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ticket"
	"github.com/usher365/usher/shared/webhook"
)

var now = time.Date(2026, 11, 21, 20, 4, 11, 0, time.UTC)

// path is the secret part of many receivers' URLs.
const path = "/hook/canary-token"

func status() events.Status {
	return events.Status{
		Type: events.StatusTypeOf(events.StatusSucceeded), Timestamp: now.Add(-time.Second),
		Data: events.StatusData{
			RequestID: "req-7", Sequence: 3, Status: events.StatusSucceeded, Action: "onboard", Tenant: "contoso.onmicrosoft.com",
			Account: events.StatusAccount{UserPrincipalName: "sam360reports@contoso.onmicrosoft.com", ObjectID: "00000000-0000-0000-0000-000000000001"},
			Steps: []events.StatusStep{
				{Name: "create", Status: "done", Attempts: 1},
				{Name: "grantrolegroup-1", Status: "done", Attempts: 4, WaitedSeconds: 1500},
			},
			Credential: &events.StatusSecret{Method: "vault", VaultReference: "file:contoso/acc-1"},
			Ticket:     map[string]any{"system": "servicenow", "id": "d977b66a", "key": "RITM0010042"},
		},
	}
}

func secret(t *testing.T) webhook.Secret {
	t.Helper()
	s, err := webhook.NewSecret(strings.NewReader(strings.Repeat("canary-k", 4)))
	require.NoError(t, err)
	return s
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func callback(t *testing.T, transport roundTrip) *ticket.Callback {
	t.Helper()
	c, err := ticket.New(ticket.Options{URL: "https://desk.example.com" + path, Secret: secret(t), Transport: transport, Now: func() time.Time { return now }})
	require.NoError(t, err)
	return c
}

func answer(code int, body string, headers ...string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		for i := 0; i < len(headers); i += 2 {
			rec.Header().Set(headers[i], headers[i+1])
		}
		rec.WriteHeader(code)
		rec.WriteString(body)
		resp := rec.Result()
		resp.Request = r
		return resp, nil
	}
}

func TestTellPostsSignedGolden(t *testing.T) {
	golden, err := os.ReadFile("testdata/status.golden.json")
	require.NoError(t, err)
	verifier, err := webhook.NewVerifier(map[string][]webhook.Secret{"usher": {secret(t)}}, 0, func() time.Time { return now })
	require.NoError(t, err)
	var ids []string
	c := callback(t, func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSpace(string(golden)), string(body))
		assert.Equal(t, "POST https://desk.example.com"+path, r.Method+" "+r.URL.String())
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		d, err := verifier.Verify(r.Header, body)
		require.NoError(t, err)
		ids = append(ids, d.ID)
		return answer(http.StatusNoContent, "")(r)
	})
	require.NoError(t, c.Tell(t.Context(), status()))
	require.NoError(t, c.Tell(t.Context(), status()))
	assert.Equal(t, []string{"req-7-3", "req-7-3"}, ids, "the id is stable over retries")
}

func TestTellClassifiesAnswers(t *testing.T) {
	cases := []struct {
		name  string
		reply roundTrip
		code  fault.Code
		class fault.Class
		after time.Duration
		words string
	}{
		{"gone", answer(410, ""), fault.CallbackRefused, fault.Permanent, 0, "status 410"},
		{"bad request", answer(400, "no such\n field"), fault.CallbackRefused, fault.Permanent, 0, `it says: "no such field"`},
		{"unauthorized", answer(401, ""), fault.CallbackRefused, fault.Permanent, 0, "status 401"},
		{"redirect", answer(302, "", "Location", "https://inside.example.com/"), fault.CallbackRefused, fault.Permanent, 0, "redirects are not followed"},
		{"throttled, seconds", answer(429, "", "Retry-After", "17"), fault.CallbackFailed, fault.Transient, 17 * time.Second, "status 429"},
		{"unavailable, date", answer(503, "", "Retry-After", now.Add(time.Minute).Format(http.TimeFormat)), fault.CallbackFailed, fault.Transient, time.Minute, "status 503"},
		{"unavailable, absurd", answer(503, "", "Retry-After", "99999999"), fault.CallbackFailed, fault.Transient, time.Hour, "status 503"},
		{"unavailable, past", answer(503, "", "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), fault.CallbackFailed, fault.Transient, 0, "status 503"},
		{"broken header", answer(500, "", "Retry-After", "soon"), fault.CallbackFailed, fault.Transient, 0, "status 500"},
		{"time-out there", answer(408, ""), fault.CallbackFailed, fault.Transient, 0, "status 408"},
		{"too early", answer(425, ""), fault.CallbackFailed, fault.Transient, 0, "status 425"},
		{"no answer", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }, fault.CallbackFailed, fault.Transient, 0, "connection reset"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := callback(t, c.reply).Tell(t.Context(), status())
			require.ErrorContains(t, err, c.words)
			assert.Equal(t, c.code, fault.CodeOf(err))
			assert.Equal(t, c.class, fault.ClassOf(err))
			assert.Equal(t, c.after, fault.RetryAfter(err))
			assert.Contains(t, err.Error(), "desk.example.com")
			assert.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTellReadsLittleOfTheAnswer(t *testing.T) {
	body := &endless{}
	c := callback(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: body, Request: r}, nil
	})
	err := c.Tell(t.Context(), status())
	require.ErrorContains(t, err, "…")
	assert.Less(t, len(err.Error()), 400)
	assert.LessOrEqual(t, body.given, 64<<10)
	assert.True(t, body.closed)
}

// A receiver that answers with what it was sent must not bring a link into errors, and
// with them into the log and the ledger.
func TestTellRepeatsNoLink(t *testing.T) {
	echo := func(code int) roundTrip {
		return func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			at := bytes.Index(body, []byte("https://usher"))
			require.Positive(t, at)
			return answer(code, string(body[at:]))(r)
		}
	}
	handover, consent := status(), status()
	handover.Data.Credential = &events.StatusSecret{Method: "link", Link: "https://usher.example.com/handover/acc-1-1/canary"}
	consent.Data.Consent = &events.StatusConsentLink{URL: "https://usher.example.com/adminconsent?state=canary"}
	for _, s := range []events.Status{handover, consent} {
		for _, code := range []int{400, 500} {
			err := callback(t, echo(code)).Tell(t.Context(), s)
			require.ErrorContains(t, err, "status "+strconv.Itoa(code))
			assert.NotContains(t, err.Error(), "canary")
		}
	}
}

type endless struct {
	given  int
	closed bool
}

func (e *endless) Read(p []byte) (int, error) {
	e.given += len(p)
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

func (e *endless) Close() error { e.closed = true; return nil }

func TestTellStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := callback(t, func(r *http.Request) (*http.Response, error) { return nil, r.Context().Err() }).Tell(ctx, status())
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		o     ticket.Options
		words string
	}{
		"no URL":       {ticket.Options{Secret: secret(t)}, "https://HOST/PATH"},
		"not a URL":    {ticket.Options{URL: "https://[canary", Secret: secret(t)}, "https://HOST/PATH"},
		"plain http":   {ticket.Options{URL: "http://desk.example.com" + path, Secret: secret(t)}, "must begin with https://"},
		"other scheme": {ticket.Options{URL: "ftp://127.0.0.1" + path, Secret: secret(t)}, "must begin with https://"},
		"user name":    {ticket.Options{URL: "https://me:canary@desk.example.com", Secret: secret(t)}, "holds a user name"},
		"other host":   {ticket.Options{URL: "https://desk.example.com", Secret: secret(t), AllowHosts: []string{"help.example.com"}}, "not among the allowed hosts"},
		"no secret":    {ticket.Options{URL: "https://desk.example.com"}, "no secret"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ticket.New(c.o)
			require.ErrorContains(t, err, c.words)
			assert.NotContains(t, err.Error(), "canary")
		})
	}
	_, err := ticket.New(ticket.Options{URL: "https://Desk.example.com/x", Secret: secret(t), AllowHosts: []string{"desk.example.com"}})
	require.NoError(t, err)
}

func TestTellOverLoopback(t *testing.T) {
	got := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got++; got == 1 {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	c, err := ticket.New(ticket.Options{URL: server.URL, Secret: secret(t)})
	require.NoError(t, err)
	assert.Equal(t, fault.CallbackRefused, fault.CodeOf(c.Tell(t.Context(), status())))
	assert.Equal(t, 1, got, "the redirect was not followed")
	require.NoError(t, c.Tell(t.Context(), status()))
}

func TestTellNeverLeadsInside(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "10.0.0.1", "[fe80::1]", "[::ffff:127.0.0.1]:1", "0.0.0.0:1", "168.63.129.16"} {
		c, err := ticket.New(ticket.Options{URL: "https://" + host + path, Secret: secret(t)})
		require.NoError(t, err)
		err = c.Tell(t.Context(), status())
		if strings.Contains(host, "127.0.0.1") {
			assert.Equal(t, fault.CallbackFailed, fault.CodeOf(err), "this machine by name may be tried")
			continue
		}
		require.ErrorContains(t, err, "the address is not allowed", host)
		assert.Equal(t, fault.CallbackRefused, fault.CodeOf(err))
	}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, ticket.Log(slog.New(slog.NewJSONHandler(&out, nil)))(t.Context(), status()))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.Equal(t, "usher.request.succeeded", line["msg"])
	assert.Equal(t, "req-7", line["request"])
	assert.Equal(t, "sam360reports@contoso.onmicrosoft.com", line["account"])
	assert.EqualValues(t, 3, line["sequence"])
}
