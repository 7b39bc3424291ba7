package handover_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// every gives one answer of each kind.
func every(t *testing.T) map[string]*http.Response {
	t.Helper()
	d := newDesk(t)
	address := d.make()
	answers := map[string]*http.Response{}
	note := func(name, method, address string) { answers[name] = d.visit(method, address).Result() }
	note("ask", "GET", address)
	note("head", "HEAD", address)
	note("method", "PUT", address)
	note("unknown key", "GET", strings.Replace(address, key, "req-0002", 1))
	note("unknown token", "POST", address[:len(address)-1])
	note("elsewhere", "GET", "https://usher.example.com/handover/")
	d.store.down = errAway
	note("unavailable", "POST", address)
	d.store.down = nil
	note("password", "POST", address)
	note("revealed", "GET", address)
	e := newDesk(t)
	expired := e.make()
	e.now = e.now.Add(24 * time.Hour)
	answers["expired"] = e.visit("GET", expired).Result()
	f := newDesk(t)
	withdrawn := f.make()
	_, err := f.Withdraw(t.Context(), key)
	require.NoError(t, err)
	answers["withdrawn"] = f.visit("GET", withdrawn).Result()
	return answers
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

func TestEveryAnswerIsStrict(t *testing.T) {
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`)
	for name, r := range every(t) {
		t.Run(name, func(t *testing.T) {
			h := r.Header
			csp := h.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
				assert.Contains(t, csp, part)
			}
			assert.NotContains(t, csp, "unsafe")
			assert.NotContains(t, csp, "script-src")
			assert.Equal(t, "no-store", h.Get("Cache-Control"))
			assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "text/html; charset=utf-8", h.Get("Content-Type"))
			assert.Contains(t, h.Get("X-Robots-Tag"), "noindex")
			assert.Empty(t, r.Cookies())

			text := body(t, r)
			css := style.FindStringSubmatch(text)
			require.Len(t, css, 2)
			digest := sha256.Sum256([]byte(css[1]))
			assert.Contains(t, csp, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
			assert.NotRegexp(t, `(?i)<script|javascript:|\son[a-z]+=|\sstyle=|https?://`, text)
			assert.Equal(t, name == "password", strings.Contains(text, canary))
			assert.Equal(t, name == "ask" || name == "head", strings.Contains(text, "<form"))
		})
	}
}

func TestEveryPageIsPlainHTML(t *testing.T) {
	for name, r := range every(t) {
		text := body(t, r)
		assert.True(t, strings.HasPrefix(text, "<!DOCTYPE html>\n<html lang=\"en\">"), name)
		for _, once := range []string{"<main>", "<h1>", "<title>", "</html>"} {
			assert.Equal(t, 1, strings.Count(text, once), "%s in %s", once, name)
		}
		assert.NotContains(t, text, "[redacted]", name)
		assert.NotContains(t, text, "\n\n", name)
		for _, element := range []string{"p", "dl", "dt", "dd", "code", "form", "button", "main", "h1"} {
			assert.Equal(t, len(regexp.MustCompile(`<`+element+`[ >]`).FindAllString(text, -1)), strings.Count(text, "</"+element+">"), "%s in %s", element, name)
		}
	}
}

func TestStatuses(t *testing.T) {
	for name, r := range every(t) {
		want := map[string]int{
			"ask": 200, "head": 200, "password": 200, "revealed": 410, "expired": 410, "withdrawn": 410,
			"unknown key": 404, "unknown token": 404, "elsewhere": 404, "method": 405, "unavailable": 503,
		}[name]
		assert.Equal(t, want, r.StatusCode, name)
	}
}

// A password and a name are shown as they are, whatever characters they hold.
func TestTextIsEscaped(t *testing.T) {
	d := newDesk(t)
	link, err := d.Make(t.Context(), key, ref, `<b>"o'brien"&co`)
	require.NoError(t, err)
	text := d.visit("GET", link.Address.Reveal()).Body.String()
	assert.NotContains(t, text, "<b>")
	assert.Contains(t, text, "&lt;b&gt;")
}

// Nobody tells by the answer whether there is a hand-over of that key.
func TestWrongTokenAndWrongKeyLookAlike(t *testing.T) {
	answers := every(t)
	assert.Equal(t, body(t, answers["unknown key"]), body(t, answers["unknown token"]))
	assert.Equal(t, answers["unknown key"].Header, answers["unknown token"].Header)
}
