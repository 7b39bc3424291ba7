package benchmark

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

// stack is an application on disk in front of a tenant.
type stack struct {
	*app.App
	secret webhook.Secret
	// finished counts the requests whose last status was told.
	finished atomic.Int64
}

// open builds the application as usher serve does. The tenant is behind transport, at url.
func open(b *testing.B, url string, transport *http.Client) *stack {
	b.Helper()
	s := &stack{}
	var err error
	s.secret, err = webhook.NewSecret(nil)
	require.NoError(b, err)
	env := map[string]string{
		"AZURE_TENANT_ID": tenantfake.DefaultTenantID, "AZURE_CLIENT_ID": tenantfake.DefaultClientID, "AZURE_CLIENT_SECRET": tenantfake.DefaultClientSecret,
		"USHER_LOGIN_ENDPOINT": url, "USHER_GRAPH_ENDPOINT": url, "USHER_EXCHANGE_ENDPOINT": url,
		"USHER_WEBHOOK_SECRET": s.secret.Reveal(), "USHER_API_TOKEN": "a-token-for-the-benchmarks-only",
	}
	lookup := func(name string) (string, bool) { v, set := env[name]; return v, set }
	c, err := config.Load("", lookup, nil)
	require.NoError(b, err)
	c.Data = b.TempDir()
	source, err := identity.New(identity.Options{Env: lookup, AuthorityHost: url, Transport: transport})
	require.NoError(b, err)
	s.App, err = app.New(context.Background(), app.Options{
		Engines:   host.Options{Config: c, Log: slog.New(slog.DiscardHandler), Observe: s.observe, Credential: source.Credential},
		Transport: transport.Transport, Workers: 8,
		Limits: exchange.Limits{Interval: -1, InFlight: -1},
	})
	require.NoError(b, err)
	require.NoError(b, s.LearnDomains(context.Background()))
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

// observe counts requests at their second status event: accepted, then their end.
func (s *stack) observe(_ context.Context, l step.Line) {
	if l.Function == events.Notify && l.Step == "notice-2" && l.Outcome == step.OutcomeDone {
		s.finished.Add(1)
	}
}

// work runs the functions until the benchmark ends.
func (s *stack) work(b *testing.B) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Work(ctx) })
	b.Cleanup(func() { stop(); running.Wait() })
}

// post sends the sam360 sample under another name and ticket, and fails unless it is accepted.
func (s *stack) post(b *testing.B, n int) {
	text, err := samples.Files.ReadFile("onboard-sam360.json")
	require.NoError(b, err)
	var request events.Request
	require.NoError(b, json.Unmarshal(text, &request))
	request.RequestID, request.Account.UserName, request.Ticket.ID = "", fmt.Sprintf("svc%07d", n), fmt.Sprint("RITM", n)
	body, err := json.Marshal(request)
	require.NoError(b, err)
	r := httptest.NewRequest(http.MethodPost, intake.Path, bytes.NewReader(body))
	r.Header = webhook.Sign(s.secret, fmt.Sprint("msg_", n), time.Now(), body)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Contains(b, w.Body.String(), `"status":"accepted"`)
}

// instant is a tenant in this process that delays nothing.
func instant() (*tenantfake.Server, *http.Client) {
	server := tenantfake.New(tenantfake.Options{})
	spec := tenantfake.DefaultTenant()
	spec.Replication = -1
	server.AddTenant(spec)
	return server, &http.Client{Transport: server.Transport()}
}

// BenchmarkOnboarding is the whole main job per operation, 32 requests at a time,
// with durable commits and a tenant that answers at once.
func BenchmarkOnboarding(b *testing.B) {
	_, transport := instant()
	s := open(b, "https://tenant.test", transport)
	s.work(b)
	b.ResetTimer()
	var posted atomic.Int64
	var senders sync.WaitGroup
	for range 32 {
		senders.Go(func() {
			for n := posted.Add(1); n <= int64(b.N); n = posted.Add(1) {
				s.post(b, int(n))
			}
		})
	}
	senders.Wait()
	for s.finished.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "onboardings/s")
	done, err := s.Ledger.Requests(context.Background(), ledger.Filter{Limit: b.N + 1})
	require.NoError(b, err)
	for _, r := range done {
		require.Equal(b, account.Succeeded, account.StateOf(r))
	}
}

// BenchmarkWebhook is the answer to one signed request: verified, validated, planned
// and committed. No function runs meanwhile.
func BenchmarkWebhook(b *testing.B) {
	_, transport := instant()
	s := open(b, "https://tenant.test", transport)
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		began := time.Now()
		s.post(b, n)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
