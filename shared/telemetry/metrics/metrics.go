// Package metrics is what Usher counts, for Prometheus.
package metrics

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// other stands for a label value that is not on its list, so that nothing from
// outside can make new series.
const other = "other"

// The services whose calls are counted.
const (
	ServiceLogin    = "login"
	ServiceGraph    = "graph"
	ServiceExchange = "exchange"
	ServiceCallback = "callback"
	ServiceVault    = "vault"
)

// The results of a webhook.
const (
	WebhookAccepted    = "accepted"
	WebhookDuplicate   = "duplicate"
	WebhookRefused     = "refused"
	WebhookForged      = "forged"
	WebhookStale       = "stale"
	WebhookMalformed   = "malformed"
	WebhookTooLarge    = "too-large"
	WebhookUnavailable = "unavailable"
)

var (
	services  = []string{ServiceLogin, ServiceGraph, ServiceExchange, ServiceCallback, ServiceVault}
	results   = []string{WebhookAccepted, WebhookDuplicate, WebhookRefused, WebhookForged, WebhookStale, WebhookMalformed, WebhookTooLarge, WebhookUnavailable}
	outcomes  = []string{step.OutcomeDone, step.OutcomeWaiting, step.OutcomeRetrying, step.OutcomeFailed, step.OutcomeSkipped, step.OutcomeAbandoned, step.OutcomeParked}
	functions = events.Functions()
	codes     = codesOf(fault.Meanings())
)

func codesOf(meanings []fault.Meaning) (codes []string) {
	for _, m := range meanings {
		codes = append(codes, string(m.Code))
	}
	return codes
}

// known bounds a label value to a list; nothing becomes "none".
func known(list []string, value string) string {
	switch {
	case value == "":
		return "none"
	case slices.Contains(list, value):
		return value
	}
	return other
}

// Metrics counts what Usher does, in a registry of its own. Names begin with
// usher_; every label value is from a list, or the alias of a configured tenant.
type Metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	waited     *prometheus.HistogramVec
	calls      *prometheus.CounterVec
	webhooks   *prometheus.CounterVec
	late       *prometheus.CounterVec
	now        func() time.Time

	mu     sync.Mutex
	synced map[string]time.Time
	// unhealthy is how many credentials and consents are in trouble, by tenant.
	unhealthy *prometheus.GaugeVec
}

// New makes the metrics, with those of the Go runtime and the process.
func New(now func() time.Time) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), now: now, synced: map[string]time.Time{},
		deliveries: counter("usher_deliveries_total", "Deliveries handled, by function, outcome and fault code.", "function", "outcome", "fault_code"),
		calls:      counter("usher_outbound_calls_total", "Calls made, by service and HTTP status; error means that no answer came.", "service", "status"),
		webhooks:   counter("usher_webhooks_total", "Webhooks answered, by result.", "result"),
		unhealthy: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "usher_credentials_unhealthy", Help: "Credentials and consents that are invalid, missing or about to end, by tenant.",
		}, []string{"tenant"}),
		late: counter("usher_waits_late_total", "Waits that passed the time of their alarm, by function.", "function"),
		duration: histogram("usher_step_duration_seconds", "How long an attempt took, by function.", "function",
			.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60),
		waited: histogram("usher_step_waited_seconds", "How long a finished step was on its way since its first try, by function.", "function",
			1, 10, 60, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200, 86400),
	}
	m.registry.MustRegister(m.deliveries, m.calls, m.webhooks, m.late, m.duration, m.waited, m.unhealthy, syncAge{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help, label string, buckets ...float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{label})
}

// Handler answers /metrics. What cannot be read is left out and counted in
// promhttp_metric_handler_errors_total.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: m.registry})
}

// Delivered counts one delivery.
func (m *Metrics) Delivered(l step.Line) {
	function := known(functions, l.Function)
	m.deliveries.WithLabelValues(function, known(outcomes, l.Outcome), known(codes, l.FaultCode)).Inc()
	if l.Late {
		m.late.WithLabelValues(function).Inc()
	}
	m.duration.WithLabelValues(function).Observe(l.Duration.Seconds())
	if l.Outcome == step.OutcomeDone || l.Outcome == step.OutcomeFailed {
		m.waited.WithLabelValues(function).Observe(l.Waited.Seconds())
	}
}

// Webhook counts one answer to a webhook; result is one of the constants.
func (m *Metrics) Webhook(result string) { m.webhooks.WithLabelValues(known(results, result)).Inc() }

// Synced notes when the last full sync of a tenant, by alias, finished.
func (m *Metrics) Synced(tenant string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced[tenant] = at
}

// Unhealthy notes how many credentials and consents of a tenant, by alias, are in trouble.
func (m *Metrics) Unhealthy(tenant string, n int) {
	m.unhealthy.WithLabelValues(tenant).Set(float64(n))
}

// Count makes a transport that counts the calls to a service, one of the constants.
// It is an http.RoundTripper and an azcore policy.Transporter at once. Nil next means
// http.DefaultTransport.
func (m *Metrics) Count(service string, next http.RoundTripper) *Counted {
	if next == nil {
		next = http.DefaultTransport
	}
	return &Counted{next: next, calls: m.calls.MustCurryWith(prometheus.Labels{"service": known(services, service)})}
}

// Counted is a transport whose calls are counted.
type Counted struct {
	next  http.RoundTripper
	calls *prometheus.CounterVec
}

// RoundTrip hands the request on and counts how it ended.
func (c *Counted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	status := "error"
	if err == nil {
		status = statusLabel(resp.StatusCode)
	}
	c.calls.WithLabelValues(status).Inc()
	return resp, err
}

// Do is RoundTrip under azcore's name.
func (c *Counted) Do(r *http.Request) (*http.Response, error) { return c.RoundTrip(r) }

func statusLabel(code int) string {
	if http.StatusText(code) == "" {
		return other
	}
	return strconv.Itoa(code)
}

// WatchQueues shows the depth of the named queues, asked at each look at the metrics.
// Call it once.
func (m *Metrics) WatchQueues(names []string, depth func(context.Context, string) (queue.Depth, error)) {
	m.registry.MustRegister(depths{names, depth, m.now})
}
