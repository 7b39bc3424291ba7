package metrics_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/telemetry"
	"github.com/usher365/usher/shared/telemetry/metrics"
)

var now = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func fresh() *metrics.Metrics { return metrics.New(func() time.Time { return now }) }

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.String()
}

func waiting() step.Line {
	return step.Line{
		Function: "grantrolegroup", Request: "req-7", Tenant: "contoso", Account: "sam360@contoso.onmicrosoft.com", Step: "grantrolegroup-1",
		Attempt: 4, Deliveries: 1, Waited: 25*time.Minute + 1234567*time.Microsecond, Outcome: step.OutcomeWaiting,
		FaultCode: "exchange-not-replicated", Fault: "not there\nyet", NextTry: now.Add(time.Minute), Duration: 250 * time.Millisecond,
	}
}

func TestDeliveriesAreCounted(t *testing.T) {
	m := fresh()
	observe := telemetry.Deliveries(slog.New(slog.DiscardHandler), m)
	observe(t.Context(), waiting())
	done := waiting()
	done.Outcome, done.FaultCode, done.Late = step.OutcomeDone, "", true
	observe(t.Context(), done)
	text := scrape(t, m)
	assert.Contains(t, text, `usher_deliveries_total{fault_code="exchange-not-replicated",function="grantrolegroup",outcome="waiting"} 1`)
	assert.Contains(t, text, `usher_waits_late_total{function="grantrolegroup"} 1`)
	assert.Contains(t, text, `usher_deliveries_total{fault_code="none",function="grantrolegroup",outcome="done"} 1`)
	assert.Contains(t, text, `usher_step_duration_seconds_count{function="grantrolegroup"} 2`)
	assert.Contains(t, text, `usher_step_waited_seconds_bucket{function="grantrolegroup",le="1800"} 1`)
	assert.Contains(t, text, `usher_step_waited_seconds_count{function="grantrolegroup"} 1`)
	assert.Contains(t, text, "go_goroutines")
}

func TestLabelValuesAreBounded(t *testing.T) {
	m := fresh()
	observe := telemetry.Deliveries(slog.New(slog.DiscardHandler), m)
	for _, foreign := range []string{"a", "b", "c"} {
		observe(t.Context(), step.Line{Function: foreign, Outcome: foreign, FaultCode: foreign})
		m.Webhook(foreign)
	}
	text := scrape(t, m)
	assert.Contains(t, text, `usher_deliveries_total{fault_code="other",function="other",outcome="other"} 3`)
	assert.Contains(t, text, `usher_webhooks_total{result="other"} 3`)
}

func TestWebhooksAndSyncs(t *testing.T) {
	m := fresh()
	m.Webhook(metrics.WebhookAccepted)
	m.Webhook(metrics.WebhookForged)
	m.Synced("contoso", now.Add(-time.Hour))
	m.Unhealthy("contoso", 2)
	m.Unhealthy("contoso", 1)
	text := scrape(t, m)
	assert.Contains(t, text, `usher_webhooks_total{result="accepted"} 1`)
	assert.Contains(t, text, `usher_webhooks_total{result="forged"} 1`)
	assert.Contains(t, text, `usher_sync_age_seconds{tenant="contoso"} 3600`)
	assert.Contains(t, text, `usher_credentials_unhealthy{tenant="contoso"} 1`)
}

func TestQueues(t *testing.T) {
	m := fresh()
	m.WatchQueues([]string{"create", "notify", "revoke"}, func(_ context.Context, name string) (queue.Depth, error) {
		switch name {
		case "create":
			return queue.Depth{Active: 1, Planned: 2, Locked: 3, Dead: 4, Oldest: now.Add(-time.Minute)}, nil
		case "notify":
			return queue.Depth{}, nil
		}
		return queue.Depth{}, errors.New("the database is locked")
	})
	text := scrape(t, m)
	for _, want := range []string{
		`usher_queue_messages{queue="create",state="active"} 1`, `usher_queue_messages{queue="create",state="planned"} 2`,
		`usher_queue_messages{queue="create",state="locked"} 3`, `usher_queue_messages{queue="create",state="dead"} 4`,
		`usher_queue_oldest_due_seconds{queue="create"} 60`, `usher_queue_oldest_due_seconds{queue="notify"} 0`,
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "revoke", "one queue that cannot be read hides no other")
	assert.Contains(t, scrape(t, m), `promhttp_metric_handler_errors_total{cause="gathering"} 1`, "it is counted")
}

type reply func(*http.Request) (*http.Response, error)

func (f reply) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOutboundCalls(t *testing.T) {
	m := fresh()
	answers := map[string]int{"/ok": 200, "/slow": 429, "/odd": 799}
	graph := m.Count(metrics.ServiceGraph, reply(func(r *http.Request) (*http.Response, error) {
		if code, ok := answers[r.URL.Path]; ok {
			return &http.Response{StatusCode: code, Body: http.NoBody}, nil
		}
		return nil, errors.New("connection reset")
	}))
	for _, path := range []string{"/ok", "/ok", "/slow", "/odd", "/lost"} {
		req := httptest.NewRequest(http.MethodGet, "https://graph.example.com"+path, nil)
		resp, err := graph.Do(req)
		assert.Equal(t, path == "/lost", err != nil)
		if err == nil {
			assert.Equal(t, answers[path], resp.StatusCode)
			require.NoError(t, resp.Body.Close())
		}
	}
	text := scrape(t, m)
	for _, want := range []string{`status="200"} 2`, `status="429"} 1`, `status="other"} 1`, `status="error"} 1`} {
		assert.Contains(t, text, `usher_outbound_calls_total{service="graph",`+want)
	}
	assert.NotContains(t, text, "/ok")
}
