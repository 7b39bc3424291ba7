package intake_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/webhook"
)

func secret(t testing.TB, text string) webhook.Secret {
	t.Helper()
	s, err := webhook.ParseSecret(text)
	require.NoError(t, err)
	return s
}

const (
	good   = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	wrong  = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	header = "Webhook-Signature"
)

// door is the webhook of an office.
type door struct {
	*office
	handler *intake.Webhook
	log     *bytes.Buffer
}

func openDoor(t testing.TB, change ...func(*intake.WebhookOptions)) *door {
	t.Helper()
	d := &door{office: open(t), log: &bytes.Buffer{}}
	v, err := webhook.NewVerifier(map[string][]webhook.Secret{"servicenow": {secret(t, good)}}, 0, func() time.Time { return d.now })
	require.NoError(t, err)
	o := intake.WebhookOptions{Desk: d.Desk, Verifier: v, Log: slog.New(slog.NewTextHandler(d.log, nil))}
	for _, c := range change {
		c(&o)
	}
	d.handler, err = intake.NewWebhook(o)
	require.NoError(t, err)
	return d
}

func (d *door) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	assert.Equal(d.t, "application/json", w.Header().Get("Content-Type"))
	return w
}

// signed is a delivery as a good sender makes it.
func (d *door) signed(id string, body []byte) *http.Request {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodPost, intake.Path, bytes.NewReader(body))
	maps.Copy(r.Header, webhook.Sign(secret(d.t, good), id, d.now, body))
	return r
}

func TestWebhookNeedsItsParts(t *testing.T) {
	_, err := intake.NewWebhook(intake.WebhookOptions{})
	require.Error(t, err)
}

func TestWebhookAccepts(t *testing.T) {
	d := openDoor(t)
	body := text(t, request(t, "onboard-sam360"))
	w := d.serve(d.signed("msg_1", body))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	id := d.requests()[0].ID
	assert.JSONEq(t, `{"status":"accepted","requestId":"`+id+`","duplicate":false}`, w.Body.String())
	w = d.serve(d.signed("msg_1", body))
	assert.JSONEq(t, `{"status":"accepted","requestId":"`+id+`","duplicate":true}`, w.Body.String(), "a replay is no second request")
	assert.Len(t, d.requests(), 1)
}

func TestWebhookParksAndRefuses(t *testing.T) {
	d := openDoor(t)
	w := d.serve(d.signed("msg_1", text(t, request(t, "onboard-practice-protect-federation"))))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"status":"parked"`)
	w = d.serve(d.signed("msg_2", text(t, request(t, "offboard-sam360"))))
	assert.Equal(t, http.StatusOK, w.Code, "a retry cannot fix it")
	assert.Contains(t, w.Body.String(), `"status":"refused"`)
	assert.Contains(t, w.Body.String(), `"code":"account-unknown"`)
	w = d.serve(d.signed("msg_3", []byte(`{`)))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"code":"request-invalid"`)
}

func TestWebhookDistrusts(t *testing.T) {
	body := text(t, request(t, "onboard-sam360"))
	for name, test := range map[string]struct {
		change func(d *door, r *http.Request) *http.Request
		logs   string
	}{
		"NoHeaders":    {func(_ *door, r *http.Request) *http.Request { r.Header = http.Header{}; return r }, "forged or missing"},
		"NoSignature":  {func(_ *door, r *http.Request) *http.Request { r.Header.Del(header); return r }, "forged or missing"},
		"NoID":         {func(_ *door, r *http.Request) *http.Request { r.Header.Del("Webhook-Id"); return r }, "forged or missing"},
		"OtherID":      {func(_ *door, r *http.Request) *http.Request { r.Header.Set("Webhook-Id", "msg_2"); return r }, "forged or missing"},
		"Garbage":      {func(_ *door, r *http.Request) *http.Request { r.Header.Set(header, "v1,???"); return r }, "forged or missing"},
		"BadTimestamp": {func(_ *door, r *http.Request) *http.Request { r.Header.Set("Webhook-Timestamp", "now"); return r }, "forged or missing"},
		"OneByteMore": {func(_ *door, r *http.Request) *http.Request {
			r.Body = io.NopCloser(strings.NewReader(string(body) + " "))
			return r
		}, "forged or missing"},
		"WrongSecret": {func(d *door, r *http.Request) *http.Request {
			r.Header = webhook.Sign(secret(d.t, wrong), "msg_1", d.now, body)
			return r
		}, "forged or missing"},
		"Stale":      {func(d *door, r *http.Request) *http.Request { d.now = d.now.Add(time.Hour); return r }, "too old or too new"},
		"FromFuture": {func(d *door, r *http.Request) *http.Request { d.now = d.now.Add(-time.Hour); return r }, "too old or too new"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDoor(t)
			w := d.serve(test.change(d, d.signed("msg_1", body)))
			assert.Equal(t, http.StatusUnauthorized, w.Code)
			assert.JSONEq(t, `{"status":"unauthorized"}`, w.Body.String(), "no detail for a forger")
			assert.Empty(t, d.requests())
			assert.Contains(t, d.log.String(), test.logs)
		})
	}
}

func TestWebhookLimits(t *testing.T) {
	d := openDoor(t)
	w := d.serve(d.signed("msg_1", bytes.Repeat([]byte("x"), 300<<10)))
	assert.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	w = d.serve(d.signed("msg_1", bytes.Repeat([]byte("x"), intake.MaxBody)))
	assert.Equal(t, http.StatusOK, w.Code, "256 KiB are taken, and refused for what is in them")
	w = d.serve(httptest.NewRequest(http.MethodGet, intake.Path, nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, http.MethodPost, w.Header().Get("Allow"))
	w = d.serve(httptest.NewRequest(http.MethodPost, "/webhooks/other", nil))
	assert.Equal(t, http.StatusNotFound, w.Code)
	w = d.serve(httptest.NewRequest(http.MethodPost, intake.Path, iotest.ErrReader(errors.New("line cut"))))
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Empty(t, d.requests())
}

func TestWebhookWithoutALedger(t *testing.T) {
	d := openDoor(t, func(o *intake.WebhookOptions) {
		office := o.Desk.(*intake.Desk).Options
		office.Ledger = broken{office.Ledger}
		desk, err := intake.New(office)
		require.NoError(t, err)
		o.Desk = desk
	})
	w := d.serve(d.signed("msg_1", text(t, request(t, "onboard-sam360"))))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "30", w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "disk", "inner causes are for the log")
	assert.Contains(t, d.log.String(), "disk is full")
}

// gate lets a body be read only when it is opened.
type gate struct{ reached, open chan struct{} }

func (g gate) Read([]byte) (int, error) {
	close(g.reached)
	<-g.open
	return 0, io.EOF
}

func TestWebhookRush(t *testing.T) {
	d := openDoor(t, func(o *intake.WebhookOptions) { o.MaxInFlight = 1 })
	g := gate{make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, intake.Path, g))
	}()
	<-g.reached
	w := d.serve(d.signed("msg_1", text(t, request(t, "onboard-sam360"))))
	assert.Equal(t, http.StatusTooManyRequests, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	close(g.open)
	<-done
	w = d.serve(d.signed("msg_1", text(t, request(t, "onboard-sam360"))))
	assert.Equal(t, http.StatusOK, w.Code)
}
