package lambda

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

// alarm is a waker that writes down whom it woke, and how long after its making.
type alarm struct {
	began time.Time
	takes time.Duration
	fails error

	mu    sync.Mutex
	woken []string
}

func (a *alarm) wake(_ context.Context, queue string) error {
	time.Sleep(a.takes)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.woken = append(a.woken, queue+" "+time.Since(a.began).String())
	return a.fails
}

// mailbox takes every message, or none.
type mailbox struct{ refuses error }

func (m mailbox) Enqueue(context.Context, string, ...queue.Message) error { return m.refuses }

// sending makes a sender whose wakes are written down.
func sending(a *alarm) sender {
	a.began = time.Now()
	return sender{mailbox{}, newWakes(a.wake, quiet), time.Now}
}

func TestAConsumerIsWokenAtOnceAndThenNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alarm{takes: 10 * time.Millisecond}
		s := sending(a)
		for range 250 { // for 2.5 s
			require.NoError(t, s.Enqueue(t.Context(), "create", queue.Message{}, queue.Message{}))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		s.wakes.settle()
		assert.Equal(t, []string{"create 10ms", "create 1.02s", "create 2.03s", "create 3.04s"}, a.woken, "the last one after the last message")
	})
}

func TestNothingRunsOnAfterTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alarm{takes: 10 * time.Millisecond}
		s := sending(a)
		for _, name := range []string{"create", "create", "notify"} {
			require.NoError(t, s.Enqueue(t.Context(), name, queue.Message{}))
			time.Sleep(20 * time.Millisecond)
		}
		s.wakes.settle()
		assert.Equal(t, []string{"create 10ms", "notify 50ms", "create 70ms"}, a.woken)
		require.NoError(t, s.Enqueue(t.Context(), "create", queue.Message{}))
		s.wakes.settle()
		assert.Len(t, a.woken, 4, "the next event wakes anew")
	})
}

func TestWhoIsNotWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alarm{}
		s := sending(a)
		s.wakes.work("create")
		require.NoError(t, s.Enqueue(t.Context(), "create", queue.Message{}))
		require.NoError(t, s.Enqueue(t.Context(), "notify", queue.Message{NotBefore: time.Now().Add(time.Second)}))
		require.ErrorContains(t, sender{mailbox{errors.New("full")}, s.wakes, time.Now}.Enqueue(t.Context(), "revoke", queue.Message{}), "full")
		require.NoError(t, sender{mailbox{}, nil, time.Now}.Enqueue(t.Context(), "revoke", queue.Message{}))
		synctest.Wait()
		s.wakes.settle()
		assert.Empty(t, a.woken)
		require.NoError(t, s.Enqueue(t.Context(), "create", queue.Message{}))
		require.NoError(t, s.Enqueue(t.Context(), "notify", queue.Message{NotBefore: time.Now()}))
		s.wakes.settle()
		assert.ElementsMatch(t, []string{"create 0s", "notify 0s"}, a.woken, "between two drains the own queue is like any other")
	})
}

func TestALostWakeIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alarm{fails: errors.New("throttled")}
		s := sending(a)
		require.NoError(t, s.Enqueue(t.Context(), "create", queue.Message{}))
		s.wakes.settle()
		assert.Len(t, a.woken, 1)
	})
}

// variables is an environment.
func variables(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestTheCallThatWakes(t *testing.T) {
	status := http.StatusAccepted
	var got *http.Request
	var body []byte
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
		w.WriteHeader(status)
	}))
	defer service.Close()
	wake := wakerFrom(variables("USHER_WAKE_PREFIX", "prod-", "AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", "AKID",
		"AWS_SECRET_ACCESS_KEY", "canary", "AWS_SESSION_TOKEN", "session", "AWS_ENDPOINT_URL_LAMBDA", service.URL))
	require.NoError(t, wake(t.Context(), "create"))
	assert.Equal(t, "POST /2015-03-31/functions/prod-create/invocations", got.Method+" "+got.URL.Path)
	assert.Equal(t, "Event", got.Header.Get("X-Amz-Invocation-Type"))
	assert.Equal(t, "session", got.Header.Get("X-Amz-Security-Token"))
	assert.Regexp(t, `^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/lambda/aws4_request, SignedHeaders=[^,]*x-amz-security-token, Signature=[0-9a-f]{64}$`, got.Header.Get("Authorization"))
	assert.JSONEq(t, `{"job":"drain"}`, string(body))
	status = http.StatusTooManyRequests
	err := wake(t.Context(), "create")
	require.ErrorContains(t, err, "invoke prod-create: 429 Too Many Requests TooManyRequestsException")
	assert.NotContains(t, err.Error(), "canary")
	service.Close()
	require.Error(t, wake(t.Context(), "create"))
	assert.Nil(t, wakerFrom(variables("AWS_REGION", "eu-west-1")))
	assert.Equal(t, "amazonaws.com.cn", domainOf("cn-north-1"))
	assert.Equal(t, "amazonaws.com", domainOf("eu-west-1"))
}
