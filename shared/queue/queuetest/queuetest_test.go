package queuetest_test

import (
	"context"
	"fmt"
	"maps"
	"path"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/queuetest"
	"github.com/usher365/usher/shared/queue/sqlite"
)

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) FailNow() { runtime.Goexit() }

// check runs one case and gives the failures it found.
func check(t *testing.T, name string, open queuetest.Open) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		queuetest.Check(r, name, queuetest.Features{Virtual: true}, open)
	}()
	<-done
	return r.failures
}

func open(tb testing.TB, s queuetest.Settings) queuetest.Harness {
	db, err := database.Open(tb.Context(), database.Options{Path: database.Memory})
	require.NoError(tb, err)
	q, err := sqlite.New(tb.Context(), db, sqlite.Options{DuplicateWindow: s.DuplicateWindow})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, q.Close())
		require.NoError(tb, db.Close())
	})
	return queuetest.Harness{Engine: q}
}

// attemptless takes r/create/1 and r/create/2 for the same message, as an engine does
// that is told ids without the attempt.
type attemptless struct{ queuetest.Engine }

func (a attemptless) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	for i := range msgs {
		msgs[i] = strip(msgs[i])
	}
	return a.Engine.Enqueue(ctx, name, msgs...)
}

func (a attemptless) Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error {
	return a.Engine.Run(ctx, name, o, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		d.ID = d.Attributes["true id"]
		out := h(ctx, d)
		if out.Verb == queue.Retry {
			out.Next = strip(out.Next)
		}
		return out
	})
}

func strip(m queue.Message) queue.Message {
	m.Attributes = maps.Clone(m.Attributes)
	if m.Attributes == nil {
		m.Attributes = map[string]string{}
	}
	m.Attributes["true id"] = m.ID
	m.ID = path.Dir(m.ID)
	return m
}

func TestTheSuiteNoticesARetryThatVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.Empty(t, check(t, queuetest.RetryCase, open))
	})
	synctest.Test(t, func(t *testing.T) {
		failures := check(t, queuetest.RetryCase, func(tb testing.TB, s queuetest.Settings) queuetest.Harness {
			return queuetest.Harness{Engine: attemptless{open(tb, s).Engine}}
		})
		require.Len(t, failures, 1)
		require.Contains(t, failures[0], "nothing came")
	})
}

func TestAnUnknownCaseIsAFailure(t *testing.T) {
	require.Len(t, check(t, "no such rule", open), 1)
}
