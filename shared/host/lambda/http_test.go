package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var quiet = slog.New(slog.DiscardHandler)

// event is a request as a Function URL sends it, changed by the given JSON.
func event(t testing.TB, change string) (e request) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(`{"version":"2.0","rawPath":"/","requestContext":{"domainName":"id.lambda-url.eu-west-1.on.aws",
		"http":{"method":"POST","sourceIp":"203.0.113.7"}}}`), &e))
	require.NoError(t, json.Unmarshal([]byte(change), &e))
	return e
}

func TestWhatTheHandlerSees(t *testing.T) {
	r, err := requestOf(t.Context(), event(t, `{"rawPath":"/hooks/a%2Fb","rawQueryString":"x=1&x=2","cookies":["a=1","b=2"],
		"headers":{"host":"usher.example.com","webhook-id":"msg_1","X-Odd-CASE":"kept","x-many":"one,two"},"body":"{\"ä\": 1}"}`))
	require.NoError(t, err)
	assert.Equal(t, http.MethodPost, r.Method)
	assert.Equal(t, "/hooks/a/b", r.URL.Path)
	assert.Equal(t, "/hooks/a%2Fb", r.URL.EscapedPath())
	assert.Equal(t, "/hooks/a%2Fb?x=1&x=2", r.RequestURI)
	assert.Equal(t, url.Values{"x": {"1", "2"}}, r.URL.Query())
	assert.Equal(t, "usher.example.com", r.Host)
	assert.Equal(t, "203.0.113.7:0", r.RemoteAddr)
	assert.Equal(t, "msg_1", r.Header.Get("Webhook-Id"))
	assert.Equal(t, "kept", r.Header.Get("x-odd-case"))
	assert.Equal(t, "one,two", r.Header.Get("X-Many"))
	cookie, err := r.Cookie("b")
	require.NoError(t, err)
	assert.Equal(t, "2", cookie.Value)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, `{"ä": 1}`, string(body))
	assert.EqualValues(t, len(body), r.ContentLength)
}

func TestPathsAndBodies(t *testing.T) {
	for name, c := range map[string]struct{ change, path, body string }{
		"NoStage":         {`{"rawPath":"/api/requests"}`, "/api/requests", ""},
		"DefaultStage":    {`{"rawPath":"/$default/x","requestContext":{"stage":"$default"}}`, "/$default/x", ""},
		"NamedStage":      {`{"rawPath":"/prod/api/requests","requestContext":{"stage":"prod"}}`, "/api/requests", ""},
		"OnlyStage":       {`{"rawPath":"/prod","requestContext":{"stage":"prod"}}`, "/", ""},
		"LooksLikeStage":  {`{"rawPath":"/production/x","requestContext":{"stage":"prod"}}`, "/production/x", ""},
		"CustomDomain":    {`{"rawPath":"/api/requests","requestContext":{"stage":"prod"}}`, "/api/requests", ""},
		"Empty":           {`{"rawPath":""}`, "/", ""},
		"Decoded":         {`{"rawPath":"/a b/%zz"}`, "/a b/%zz", ""},
		"QuestionMark":    {`{"rawPath":"/a?b"}`, "/a?b", ""},
		"TwoSlashes":      {`{"rawPath":"//evil.example.com/x"}`, "//evil.example.com/x", ""},
		"AbsoluteAddress": {`{"rawPath":"http://evil.example.com/x"}`, "/http://evil.example.com/x", ""},
		"Base64":          {`{"body":"eyJhIjoxfQ==","isBase64Encoded":true}`, "/", `{"a":1}`},
		"BinaryBase64":    {`{"body":"AP8Q","isBase64Encoded":true}`, "/", "\x00\xff\x10"},
		"TextLikeBase64":  {`{"body":"eyJhIjoxfQ=="}`, "/", "eyJhIjoxfQ=="},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := requestOf(t.Context(), event(t, c.change))
			require.NoError(t, err)
			assert.Equal(t, c.path, r.URL.Path)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			assert.Equal(t, c.body, string(body))
			assert.Equal(t, "id.lambda-url.eu-west-1.on.aws", r.Host)
			assert.Empty(t, r.URL.Host)
		})
	}
}

func TestWhatIsNoRequest(t *testing.T) {
	for name, change := range map[string]string{
		"ScheduledEvent": `{"version":"0","source":"aws.scheduler"}`,
		"FormatOne":      `{"version":"1.0"}`,
		"NoMethod":       `{"requestContext":{"http":{"method":""}}}`,
		"BadMethod":      `{"requestContext":{"http":{"method":"GET /x"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answer(t.Context(), quiet, http.NotFoundHandler(), event(t, change))
			require.ErrorIs(t, err, errNotHTTP)
		})
	}
	got, err := answer(t.Context(), quiet, http.NotFoundHandler(), event(t, `{"body":"%%%","isBase64Encoded":true}`))
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, got.StatusCode)
}

// respond gives the answer of a handler.
func respond(t *testing.T, handler http.HandlerFunc) response {
	t.Helper()
	got, err := answer(t.Context(), quiet, handler, event(t, `{}`))
	require.NoError(t, err)
	return got
}

func TestAnswers(t *testing.T) {
	got := respond(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header()["Vary"] = []string{"Accept", "Origin"}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `{"ä":1}`)
	})
	assert.Equal(t, response{
		StatusCode: http.StatusAccepted, Body: `{"ä":1}`, Cookies: []string{"a=1", "b=2"},
		Headers: map[string]string{"content-type": "application/json", "vary": "Accept, Origin"},
	}, got)
	assert.Equal(t, http.StatusOK, respond(t, func(http.ResponseWriter, *http.Request) {}).StatusCode)
	picture := respond(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x89PNG\r\n\x1a\n")) })
	assert.True(t, picture.IsBase64Encoded)
	assert.Equal(t, "image/png", picture.Headers["content-type"])
	decoded, err := base64.StdEncoding.DecodeString(picture.Body)
	require.NoError(t, err)
	assert.Equal(t, "\x89PNG\r\n\x1a\n", string(decoded))
}

func TestTooLargeAnAnswer(t *testing.T) {
	got := respond(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxResponse+1)) })
	assert.Equal(t, plain(http.StatusInternalServerError), got)
}

func TestPanicsSayNothing(t *testing.T) {
	for name, value := range map[string]any{"Text": "canary", "Abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			handler := func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				_, _ = io.WriteString(w, "half of it")
				panic(value)
			}
			got, err := answer(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)), http.HandlerFunc(handler), event(t, `{"rawPath":"/handover/acc-1/token","rawQueryString":"code=secret"}`))
			require.NoError(t, err)
			assert.Equal(t, http.StatusInternalServerError, got.StatusCode)
			assert.Equal(t, "Internal Server Error\n", got.Body)
			assert.Contains(t, out.String(), `"route":"POST /handover/…"`)
			assert.NotContains(t, out.String(), "token")
			assert.NotContains(t, out.String(), "secret")
			assert.Contains(t, out.String(), "http_test.go")
		})
	}
}

// FuzzRequest finds no event that panics, and none whose handler sees another host.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"version":"2.0","rawPath":"/a%2Fb","rawQueryString":"x=1","headers":{"host":"h"},"requestContext":{"stage":"prod","http":{"method":"GET"}}}`))
	f.Add([]byte(`{"version":"2.0","rawPath":"//x","body":"AA==","isBase64Encoded":true,"requestContext":{"http":{"method":"POST","sourceIp":"::1"}}}`))
	f.Add([]byte(`{"version":"2.0","cookies":["a"],"headers":{"\n":"x"},"requestContext":{"http":{"method":"PUT"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var e request
		if json.Unmarshal(text, &e) != nil {
			return
		}
		r, err := requestOf(context.Background(), e)
		if err != nil {
			return
		}
		if r.URL.Host != "" || !strings.HasPrefix(r.URL.Path, "/") {
			t.Fatalf("the target became %q", r.URL)
		}
		http.NewServeMux().ServeHTTP(httptest.NewRecorder(), r)
	})
}
