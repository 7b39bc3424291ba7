package azurefunctions

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
)

// outbox notes what is sent.
type outbox struct {
	sent   map[string][]queue.Message
	parked []parked
	fail   error
}

type parked struct {
	servicebus.Foreign
	reason, text string
}

func (o *outbox) Enqueue(_ context.Context, name string, msgs ...queue.Message) error {
	if o.fail == nil {
		o.sent[name] = append(o.sent[name], msgs...)
	}
	return o.fail
}

func (o *outbox) Park(_ context.Context, m servicebus.Foreign, reason, text string) error {
	if o.fail == nil {
		o.parked = append(o.parked, parked{m, reason, text})
	}
	return o.fail
}

// stage is a handler with one function, create, that answers what out says.
type stage struct {
	*outbox
	out     queue.Outcome
	panics  bool
	seen    []queue.Delivery
	ticks   []string
	stop    context.CancelFunc
	handler http.Handler
}

func newStage(t *testing.T) *stage {
	s := &stage{outbox: &outbox{sent: map[string][]queue.Message{}}}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(t.Context())
	s.handler = New(ctx, Options{
		Queues: map[string]queue.Handler{"create": func(_ context.Context, d queue.Delivery) queue.Outcome {
			s.seen = append(s.seen, d)
			if s.panics {
				panic("on command")
			}
			return s.out
		}},
		Timers: map[string]func(context.Context) error{
			"full-sync": func(context.Context) error { s.ticks = append(s.ticks, "full-sync"); return s.fail },
		},
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			http.Error(w, r.Method+" "+r.URL.Path+" "+string(body), http.StatusTeapot)
		}),
		Sender: s.outbox, Log: slog.New(slog.DiscardHandler),
	})
	return s
}

func (s *stage) call(method, path string, body io.Reader) *http.Response {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(method, path, body))
	return w.Result()
}

func (s *stage) post(t *testing.T, path, name string) int {
	t.Helper()
	r := s.call("POST", path, strings.NewReader(string(sample(t, name))))
	if r.StatusCode == http.StatusOK {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, "{}", string(body), "never empty, never null: the host would wait for ever")
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	}
	return r.StatusCode
}

func TestOutcomes(t *testing.T) {
	next := queue.Message{ID: "req-k5vx2q7m3a6d/create/2", NotBefore: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	for name, c := range map[string]struct {
		out    queue.Outcome
		panics bool
		status int
		sent   int
		parked int
	}{
		"Done":      {out: queue.Done(), status: 200},
		"Retry":     {out: queue.RetryWith(next), status: 200, sent: 1},
		"Dead":      {out: queue.Dead("name-taken", "in words"), status: 200, parked: 1},
		"Abandoned": {out: queue.Abandoned(), status: 500},
		"Panic":     {panics: true, status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.out, s.panics = c.out, c.panics
				assert.Equal(t, c.status, s.post(t, "/create", "create.extension5.json"))
				assert.Len(t, s.seen, 1)
				assert.Len(t, s.sent["create"], c.sent)
				require.Len(t, s.parked, c.parked)
				if c.sent > 0 {
					assert.Equal(t, next, s.sent["create"][0], "under its own id, not before its time")
				}
				if c.parked > 0 {
					p := s.parked[0]
					assert.Equal(t, []string{"create", commandID, "name-taken", "in words"}, []string{p.Queue, p.MessageID, p.reason, p.text})
				}
			})
		})
	}
}

// Only what could not be sent is answered with a failure, after a pause that grows.
func TestASenderThatFails(t *testing.T) {
	for name, out := range map[string]queue.Outcome{"Retry": queue.RetryWith(queue.Message{ID: "2"}), "Dead": queue.Dead("why", "")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.out, s.fail = out, errors.New("no namespace")
				began := time.Now()
				assert.Equal(t, 500, s.post(t, "/create", "create.extension5.json"))
				assert.Equal(t, 100*time.Millisecond, time.Since(began))
				assert.Equal(t, 500, s.post(t, "/create", "create.extension4.json"), "the second delivery")
				assert.Equal(t, 300*time.Millisecond, time.Since(began))
				s.fail = nil
				assert.Equal(t, 200, s.post(t, "/create", "create.extension4.json"))
			})
		})
	}
}

func TestTooManyDeliveries(t *testing.T) {
	s := newStage(t)
	text := strings.Replace(string(sample(t, "create.extension5.json")), `"DeliveryCount": "1"`, `"DeliveryCount": "11"`, 1)
	assert.Equal(t, 200, s.call("POST", "/create", strings.NewReader(text)).StatusCode)
	assert.Empty(t, s.seen)
	require.Len(t, s.parked, 1)
	assert.Equal(t, queue.ReasonMaxDeliveries, s.parked[0].reason)
}

func TestWhatIsNotOneMessageIsGivenBack(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"create.batch.json", "timer.json"} {
		assert.Equal(t, 500, s.post(t, "/create", name))
	}
	assert.Equal(t, 500, s.call("POST", "/create", strings.NewReader(strings.Repeat(" ", largestEnvelope+1))).StatusCode)
	assert.Empty(t, s.seen)
}

func TestTimers(t *testing.T) {
	s := newStage(t)
	assert.Equal(t, 200, s.post(t, "/full-sync", "timer.json"))
	assert.Equal(t, 200, s.post(t, "/full-sync", "timer.pastdue.json"))
	s.fail = errors.New("no ledger")
	assert.Equal(t, 500, s.post(t, "/full-sync", "timer.json"))
	assert.Len(t, s.ticks, 3)
}

// HTTP calls keep their path, method and body, and never become an invocation.
func TestCallsFromOutside(t *testing.T) {
	s := newStage(t)
	for _, call := range []string{
		"POST /webhooks/standard", "GET /api/requests", "GET /create", "PUT /create", "POST /create/", "POST /CREATE", "POST /api/create", "POST /%63reate/x",
	} {
		method, path, _ := strings.Cut(call, " ")
		r := s.call(method, path, strings.NewReader("raw"))
		assert.Equal(t, http.StatusTeapot, r.StatusCode, call)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Contains(t, string(body), " raw", call)
	}
	for _, path := range []string{"/api/../create", "/api//../create", "//create"} {
		assert.NotEqual(t, 200, s.call("POST", path, strings.NewReader(string(sample(t, "create.extension5.json")))).StatusCode, path)
	}
	assert.Empty(t, s.seen)
	assert.Equal(t, 200, s.call("GET", "/", nil).StatusCode, "ready")
}

// The limits for callers from outside do not cut the answer to the host, whose bodies come in chunks.
func TestALongInvocationIsAnswered(t *testing.T) {
	s := newStage(t)
	h := New(t.Context(), Options{Log: slog.New(slog.DiscardHandler), Timers: map[string]func(context.Context) error{
		"full-sync": func(context.Context) error { time.Sleep(60 * time.Millisecond); return nil },
	}, Sender: s.outbox})
	server := httptest.NewUnstartedServer(h)
	server.Config.WriteTimeout, server.Config.ReadTimeout = 30*time.Millisecond, 30*time.Millisecond
	server.Start()
	defer server.Close()
	chunked := struct{ io.Reader }{strings.NewReader(string(sample(t, "timer.json")))}
	r, err := http.Post(server.URL+"/full-sync", "application/json", chunked)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Body.Close()) }()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, "{}", string(body))
}

// A process that is told to stop ends its handlers and gives their messages back.
func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		h := New(ctx, Options{Log: slog.New(slog.DiscardHandler), Sender: &outbox{}, Queues: map[string]queue.Handler{
			"create": func(ctx context.Context, _ queue.Delivery) queue.Outcome { <-ctx.Done(); return queue.Abandoned() },
		}})
		time.AfterFunc(time.Second, stop)
		began := time.Now()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/create", strings.NewReader(string(sample(t, "create.extension5.json")))))
		assert.Equal(t, 500, w.Code)
		assert.Equal(t, time.Second, time.Since(began), "without a pause")
	})
}
