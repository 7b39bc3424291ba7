package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/webhook"
)

// The vector of the Standard Webhooks reference libraries.
const (
	officialSecret    = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	officialID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	officialTime      = 1614265330
	officialBody      = `{"test": 2432232314}`
	officialSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func parse(t testing.TB, text string) webhook.Secret {
	t.Helper()
	secret, err := webhook.ParseSecret(text)
	require.NoError(t, err)
	return secret
}

func verifier(t testing.TB, at int64, secrets ...webhook.Secret) *webhook.Verifier {
	t.Helper()
	v, err := webhook.NewVerifier(map[string][]webhook.Secret{"servicenow": secrets}, 0, func() time.Time { return time.Unix(at, 0) })
	require.NoError(t, err)
	return v
}

func official(t testing.TB) http.Header {
	return webhook.Sign(parse(t, officialSecret), officialID, time.Unix(officialTime, 0), []byte(officialBody))
}

func TestSignVectors(t *testing.T) {
	assert.Equal(t, officialSignature, official(t).Get("webhook-signature"))

	h := webhook.Sign(parse(t, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), "msg_2Zx7",
		time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC), []byte(`{"ticket":{"id":"4711"}}`))
	assert.Equal(t, "v1,ihNuR2wQ7con6RlBLwgKY34MazZrZb1Y/Ok0ne5oamA=", h.Get("webhook-signature"))
	assert.Equal(t, "1795289400", h.Get("webhook-timestamp"))
}

func TestVerifyAccepts(t *testing.T) {
	old := parse(t, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	cases := map[string]func(http.Header){
		"as signed":              func(http.Header) {},
		"several signatures":     func(h http.Header) { h.Set("webhook-signature", "v1,AAAA v1a,AAAA "+officialSignature) },
		"signatures in two rows": func(h http.Header) { h["Webhook-Signature"] = []string{"v1,AAAA", officialSignature} },
		"lower-case names":       lowerCase,
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			h := official(t)
			change(h)
			d, err := verifier(t, officialTime+299, old, parse(t, officialSecret)).Verify(h, []byte(officialBody))
			require.NoError(t, err)
			assert.Equal(t, webhook.Delivery{ID: officialID, Source: "servicenow", At: time.Unix(officialTime, 0).UTC()}, d)
		})
	}
}

func lowerCase(h http.Header) {
	for name, values := range h.Clone() {
		delete(h, name)
		h[strings.ToLower(name)] = values
	}
}

func TestVerifyRefuses(t *testing.T) {
	cases := []struct {
		name   string
		change func(http.Header)
		body   string
		at     int64
		want   error
	}{
		{"no id", func(h http.Header) { h.Del("webhook-id") }, officialBody, officialTime, webhook.ErrMissing},
		{"two ids", func(h http.Header) { h["webhook-id"] = []string{"other"} }, officialBody, officialTime, webhook.ErrMissing},
		{"id with a line break", func(h http.Header) { h.Set("webhook-id", "a\nb") }, officialBody, officialTime, webhook.ErrMissing},
		{"long id", func(h http.Header) { h.Set("webhook-id", strings.Repeat("a", 257)) }, officialBody, officialTime, webhook.ErrMissing},
		{"no timestamp", func(h http.Header) { h.Del("webhook-timestamp") }, officialBody, officialTime, webhook.ErrMissing},
		{"timestamp in words", func(h http.Header) { h.Set("webhook-timestamp", "now") }, officialBody, officialTime, webhook.ErrMissing},
		{"negative timestamp", func(h http.Header) { h.Set("webhook-timestamp", "-5") }, officialBody, officialTime, webhook.ErrMissing},
		{"huge timestamp", func(h http.Header) { h.Set("webhook-timestamp", "99999999999999") }, officialBody, officialTime, webhook.ErrMissing},
		{"no signature", func(h http.Header) { h.Del("webhook-signature") }, officialBody, officialTime, webhook.ErrMissing},
		{"too many signatures", func(h http.Header) { h.Set("webhook-signature", strings.Repeat("v1,AAAA ", 17)) }, officialBody, officialTime, webhook.ErrMissing},
		{"flipped byte", nil, `{"test": 2432232315}`, officialTime, webhook.ErrForged},
		{"extra space", nil, officialBody + " ", officialTime, webhook.ErrForged},
		{"other id", func(h http.Header) { h.Set("webhook-id", "msg_other") }, officialBody, officialTime, webhook.ErrForged},
		{"refreshed timestamp", func(h http.Header) { h.Set("webhook-timestamp", "1614265331") }, officialBody, officialTime, webhook.ErrForged},
		{"other scheme", func(h http.Header) {
			h.Set("webhook-signature", strings.Replace(officialSignature, "v1,", "v1a,", 1))
		}, officialBody, officialTime, webhook.ErrForged},
		{"not base64", func(h http.Header) { h.Set("webhook-signature", "v1,###") }, officialBody, officialTime, webhook.ErrForged},
		{"signed with the empty key", func(h http.Header) { h.Set("webhook-signature", emptyKeySignature()) }, officialBody, officialTime, webhook.ErrForged},
		{"genuine but old", nil, officialBody, officialTime + 301, webhook.ErrStale},
		{"genuine but ahead", nil, officialBody, officialTime - 301, webhook.ErrStale},
		{"old and forged", nil, "{}", officialTime + 9999, webhook.ErrForged},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := official(t)
			if c.change != nil {
				c.change(h)
			}
			_, err := verifier(t, c.at, parse(t, officialSecret)).Verify(h, []byte(c.body))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func emptyKeySignature() string {
	m := hmac.New(sha256.New, nil)
	fmt.Fprintf(m, "%s.%d.%s", officialID, officialTime, officialBody)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func TestNewVerifierRefuses(t *testing.T) {
	secret := parse(t, officialSecret)
	cases := map[string]map[string][]webhook.Secret{
		"no source":         {},
		"no secret":         {"jira": {}},
		"zero secret":       {"jira": {secret, {}}},
		"shared by sources": {"jira": {secret}, "zendesk": {parse(t, "whsec_"+officialSecret)}},
	}
	for name, sources := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.NewVerifier(sources, 0, time.Now)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), officialSecret)
		})
	}
	_, err := webhook.NewVerifier(map[string][]webhook.Secret{"jira": {secret}}, -time.Second, time.Now)
	require.Error(t, err)
}

func TestParseSecret(t *testing.T) {
	want := parse(t, officialSecret).Reveal()
	for _, text := range []string{"whsec_" + officialSecret, " " + officialSecret + "\n", want} {
		assert.Equal(t, want, parse(t, text).Reveal())
	}
	assert.Len(t, parse(t, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY").Reveal(), len("whsec_")+44, "padding may be left out")

	for _, text := range []string{"", "whsec_", "  ", "whsec_not base64 at all!", "c2hvcnQgY2FuYXJ5"} {
		_, err := webhook.ParseSecret(text)
		require.ErrorContains(t, err, "openssl rand", "%q", text)
		if text = strings.TrimSpace(text); len(text) > len("whsec_") {
			assert.NotContains(t, err.Error(), text)
		}
	}
}

func TestNewSecret(t *testing.T) {
	secret, err := webhook.NewSecret(nil)
	require.NoError(t, err)
	assert.Equal(t, secret.Reveal(), parse(t, secret.Reveal()).Reveal())
	_, err = webhook.NewSecret(strings.NewReader("short"))
	require.Error(t, err)
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret := parse(t, base64.StdEncoding.EncodeToString([]byte("canary-canary-canary-canary")))
	wrapped := struct {
		hidden webhook.Secret
		Shown  webhook.Secret
	}{secret, secret}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, secret, wrapped, []webhook.Secret{secret})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", secret, "in", wrapped)
	text, err := json.Marshal(wrapped)
	require.NoError(t, err)
	out.Write(text)
	for _, leak := range []string{"canary", "Y2FuYXJ5", fmt.Sprintf("%x", "canary"), fmt.Sprint([]byte("can"))[1:11]} {
		assert.NotContains(t, out.String(), leak)
	}
	assert.Contains(t, out.String(), "[redacted]")
	assert.True(t, webhook.Secret{}.IsZero())
}

func FuzzVerify(f *testing.F) {
	f.Add(officialID, "1614265330", officialSignature, []byte(officialBody))
	f.Add("", "", "", []byte(nil))
	f.Add("a.b", "1614265330.5", "v1,"+strings.Repeat("A", 44), []byte("{"))
	f.Add(officialID, "1614265330", "v1, v1a,x "+officialSignature+" v1,", []byte(officialBody))
	v := verifier(f, officialTime, parse(f, officialSecret))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{"webhook-id": {id}, "Webhook-Timestamp": {timestamp}, "WEBHOOK-SIGNATURE": {signature}}
		d, err := v.Verify(h, body)
		if err != nil {
			return
		}
		again := webhook.Sign(parse(t, officialSecret), d.ID, d.At, body)
		if !strings.Contains(signature, strings.TrimPrefix(again.Get("webhook-signature"), "v1,")) && timestamp == again.Get("webhook-timestamp") {
			t.Fatalf("accepted a signature that is not ours: id %q", id)
		}
	})
}
