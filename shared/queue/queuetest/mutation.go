package queuetest

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

	"github.com/usher365/usher/shared/queue"
)

// RunMutation checks that the suite itself would notice the worst mistake there is: ids
// without the attempt, with which every retry is dropped as a duplicate and the work
// vanishes. The case of retries must pass on the engine, and fail when it is told such ids.
func RunMutation(t *testing.T, open Open) {
	synctest.Test(t, func(t *testing.T) {
		require.Empty(t, failures(t, retryCase, open))
	})
	synctest.Test(t, func(t *testing.T) {
		found := failures(t, retryCase, func(tb testing.TB, s Settings) Harness {
			return Harness{Engine: attemptless{open(tb, s).Engine}}
		})
		require.Len(t, found, 1)
		require.Contains(t, found[0], "nothing came")
	})
}

// failures runs one case in the bubble of t and gives the failures it found.
func failures(t *testing.T, name string, open Open) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r, name, Features{Virtual: true}, open)
	}()
	<-done
	return r.failures
}

// check checks the one rule of the given name.
func check(tb testing.TB, name string, f Features, open Open) {
	for _, c := range cases() {
		if c.name == name {
			c.check(tb, f, open)
			return
		}
	}
	require.FailNow(tb, fmt.Sprintf("there is no case %q", name))
}

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

// attemptless takes r/create/1 and r/create/2 for the same message, as an engine does
// that is told ids without the attempt.
type attemptless struct{ Engine }

// trueID is the attribute that keeps the id which a message should have had.
const trueID = "true-id"

func (a attemptless) Enqueue(ctx context.Context, name string, msgs ...queue.Message) error {
	for i := range msgs {
		msgs[i] = strip(msgs[i])
	}
	return a.Engine.Enqueue(ctx, name, msgs...)
}

func (a attemptless) Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error {
	return a.Engine.Run(ctx, name, o, func(ctx context.Context, d queue.Delivery) queue.Outcome {
		d.ID = d.Attributes[trueID]
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
	m.Attributes[trueID] = m.ID
	m.ID = path.Dir(m.ID)
	return m
}
