// Package queuetest is what every queue engine must do: the contract of package queue
// as tests. An engine's own test opens the engine and calls Run.
package queuetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/queue"
)

// Engine is a queue engine under test.
type Engine interface {
	Sender
	Consumer
	DeadLetters
}

// Sender stores messages.
type Sender interface {
	Enqueue(ctx context.Context, name string, msgs ...queue.Message) error
}

// Consumer hands messages over, and counts them.
type Consumer interface {
	Run(ctx context.Context, name string, o queue.Options, h queue.Handler) error
	Depth(ctx context.Context, name string) (queue.Depth, error)
}

// DeadLetters is what an operator does with messages that were put aside.
type DeadLetters interface {
	Dead(ctx context.Context, name string) ([]queue.DeadMessage, error)
	DeadOne(ctx context.Context, id string) (queue.DeadMessage, error)
	Replay(ctx context.Context, id string) error
	Discard(ctx context.Context, id string) error
}

// Canceller is an engine that takes planned messages back.
type Canceller interface {
	Cancel(ctx context.Context, name, id string) error
}

// Settings are what a case asks of a new engine.
type Settings struct {
	// DuplicateWindow is how long ids are remembered. Zero leaves it to the engine.
	DuplicateWindow time.Duration
}

// Harness is an open engine and what can be done to it from outside. A nil function
// means that it cannot be done here, and its cases are left out.
type Harness struct {
	Engine
	// ExpireLocks ends every lock at once, as if its holder had been frozen.
	ExpireLocks func()
	// Reopen closes the engine in good order and opens it again.
	Reopen func() Engine
	// Crash opens the engine anew as if the process had died: whatever the old one
	// still does, it does too late. Its Run calls are ended by the suite.
	Crash func() Engine
	// Park takes the next message as a consumer does that can only complete or give back:
	// it puts the message aside with a reason and a text, then completes it, unless it
	// dies in between.
	Park func(reason, text string, dies bool)
}

// Features say what the place is like where the suite runs.
type Features struct {
	// Virtual runs each case in a bubble of testing/synctest, where hours take no time.
	// Without it, delays are short and real, and cases that need hours are left out.
	Virtual bool
	// Lock is the shortest lock the engine keeps. Zero means 30 s.
	Lock time.Duration
	// Late is how late a planned message may come. Zero means a second.
	Late time.Duration
	// Parallel runs the cases side by side where time is real. Open must share nothing.
	Parallel bool
}

// Open opens an empty engine that is closed when the test ends.
type Open func(tb testing.TB, s Settings) Harness

// testCase is one rule of the contract.
type testCase struct {
	name     string
	settings Settings
	// hours marks a case that needs virtual time.
	hours bool
	// can reports whether the engine can be tested so; nil means always.
	can func(Harness) bool
	run func(b *bench)
}

// Run checks every rule.
func Run(t *testing.T, f Features, open Open) {
	for _, c := range cases() {
		if c.hours && !f.Virtual {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if !f.Virtual {
				if f.Parallel {
					t.Parallel()
				}
				c.check(t, f, open)
				return
			}
			synctest.Test(t, func(t *testing.T) { c.check(t, f, open) })
		})
	}
}

func (c testCase) check(tb testing.TB, f Features, open Open) {
	b := &bench{TB: tb, f: f, h: open(tb, c.settings)}
	if c.can == nil || c.can(b.h) {
		c.run(b)
	}
}

func cases() []testCase {
	var all []testCase
	for _, some := range [][]testCase{sending(), planning(), locking(), settling(), burying(), parking(), stopping(), draining(), surviving()} {
		all = append(all, some...)
	}
	return all
}

// name is the queue that cases use.
const name = "work"

// bench is where one case runs.
type bench struct {
	testing.TB
	f Features
	h Harness
}

func (b *bench) lock() time.Duration {
	if b.f.Lock > 0 {
		return b.f.Lock
	}
	return 30 * time.Second
}

func (b *bench) late() time.Duration {
	if b.f.Late > 0 {
		return b.f.Late
	}
	return time.Second
}

// delay is a while to plan ahead; patience is when a case gives up; calm is how long
// nothing must happen for a case to believe that nothing will.
func (b *bench) delay() time.Duration    { return b.either(24*time.Hour, 1500*time.Millisecond) }
func (b *bench) patience() time.Duration { return b.either(100*time.Hour, time.Minute) }
func (b *bench) calm() time.Duration     { return b.either(time.Hour, 800*time.Millisecond) }

func (b *bench) either(virtual, short time.Duration) time.Duration {
	if b.f.Virtual {
		return virtual
	}
	return short
}

func (b *bench) enqueue(msgs ...queue.Message) {
	b.Helper()
	require.NoError(b, b.h.Enqueue(b.Context(), name, msgs...))
}

// consume runs a consumer until the returned function is called, which waits for it.
func (b *bench) consume(o queue.Options, h queue.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	engine := b.h.Engine
	if o.Lock == 0 {
		o.Lock = b.lock()
	}
	go func() { ended <- engine.Run(ctx, name, o, h) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("Run ended with %v", err)
		}
	}
	b.Cleanup(stop)
	return stop
}

// collect consumes with a handler that gives every delivery to the returned channel
// and answers what the given function says; nil answers done.
func (b *bench) collect(o queue.Options, answer func(queue.Delivery) queue.Outcome) (seen chan queue.Delivery, stop func()) {
	seen = make(chan queue.Delivery, 4096)
	stop = b.consume(o, func(_ context.Context, d queue.Delivery) queue.Outcome {
		out := queue.Done()
		if answer != nil {
			out = answer(d)
		}
		seen <- d
		return out
	})
	return seen, stop
}

// next waits for one element.
func next[T any](b *bench, from <-chan T) T {
	b.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(b.patience()):
		require.FailNow(b, "nothing came")
		panic("unreachable")
	}
}

// quiet checks that nothing comes for a while.
func quiet(b *bench, from <-chan queue.Delivery) {
	b.Helper()
	select {
	case d := <-from:
		require.FailNow(b, "unexpected delivery", "message %q, delivery %d", d.ID, d.Count)
	case <-time.After(b.calm()):
	}
}

// empty checks that the queue holds nothing that is alive, once settling is over.
func (b *bench) empty() {
	b.Helper()
	b.depth(func(d queue.Depth) bool { return d.Active+d.Planned+d.Locked == 0 })
}

// depth waits for the queue's depth to be as wanted: a handler's answer is carried out after it returned.
func (b *bench) depth(wanted func(queue.Depth) bool) queue.Depth {
	b.Helper()
	var d queue.Depth
	pause := time.Millisecond
	for began := time.Now(); time.Since(began) < b.patience(); time.Sleep(pause) {
		pause = min(2*pause, b.calm())
		var err error
		d, err = b.h.Depth(b.Context(), name)
		require.NoError(b, err)
		if wanted(d) {
			return d
		}
	}
	require.FailNow(b, "the depth never became what it should", "%+v", d)
	return d
}

// message is a message with a body that says its id.
func message(id string) queue.Message {
	return queue.Message{ID: id, Subject: "test", Body: []byte("body of " + id)}
}

func planned(id string, at time.Time) queue.Message {
	m := message(id)
	m.NotBefore = at
	return m
}
