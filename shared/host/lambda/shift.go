package lambda

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// Consumer is a function on its queue.
type Consumer struct {
	Handle queue.Handler
	// Longest is how long one delivery may take: none is begun when less time is left.
	// Zero means the default of step.Policy.
	Longest time.Duration
	// Workers is how many deliveries are handled at once. Zero means 8: a step waits for
	// Microsoft most of the time.
	Workers int
	// Begin is called before each drain; its failure is written to the log. Nil does nothing.
	Begin func(context.Context) error
	// Desk starts full syncs. Nil for a function that starts none.
	Desk host.Starter
	// Prober looks at the health of credentials. Nil for a function that does not.
	Prober host.Prober
}

const (
	defaultWorkers = 8
	// idle is how long a queue must say nothing to count as empty, once its link is open.
	idle = time.Second
	// toSettle is what is left of an event's time for settling the last delivery, and for
	// what is told at the end.
	toSettle = 10 * time.Second
	// soon is how far ahead a retry may be planned to be waited for. A later one is left
	// to the schedule.
	soon = 15 * time.Second
)

// shift is the work on a queue in the time of one event.
type shift struct {
	queue    host.Consumer
	name     string
	consumer Consumer
	now      func() time.Time

	// last is when the last delivery may be begun; zero is without end.
	last       time.Time
	deliveries atomic.Int64
	// next is when the latest of the retries that are waited for is due, in Unix nanoseconds.
	next atomic.Int64
}

// work listens for messages for the time of poll, however few come, and then takes what
// there is until there is nothing. It begins no delivery that might not end in the
// event's time, and nothing is open towards the queue when it returns.
func (s *shift) work(ctx context.Context, poll time.Duration) error {
	ctx, cancel, err := s.bound(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	if poll > 0 {
		if err := s.run(ctx, 0, poll); err != nil {
			return err
		}
	}
	for wait := idle; wait >= idle; wait = time.Unix(0, s.next.Load()).Sub(s.now()) + idle {
		if err := s.run(ctx, wait, 0); err != nil || s.over() {
			return err
		}
	}
	return nil
}

// bound keeps what is needed at the end from the handlers' time, and sets last.
func (s *shift) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}, nil
	}
	longest := cmp.Or(s.consumer.Longest, step.Policy{}.Longest())
	end := deadline.Add(-toSettle)
	if s.last = end.Add(-longest); s.over() {
		return nil, nil, fmt.Errorf("there are %s left, and one delivery of %s may take %s: raise the time-out of the function to %s at least",
			time.Until(deadline).Round(time.Second), s.name, longest, longest+2*toSettle)
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}

// over reports whether no delivery may be begun any more.
func (s *shift) over() bool { return !s.last.IsZero() && !time.Now().Before(s.last) }

// run takes messages until none came for the time of idle (zero: ever), for most at the most
// (zero: without end).
func (s *shift) run(ctx context.Context, idle, most time.Duration) error {
	o := queue.Options{Workers: cmp.Or(s.consumer.Workers, defaultWorkers), Idle: idle, For: most}
	if !s.last.IsZero() {
		left := time.Until(s.last)
		if o.For = min(cmp.Or(most, left), left); o.For <= 0 {
			return nil
		}
	}
	if err := s.queue.Run(ctx, s.name, o, s.handle); err != nil {
		return fmt.Errorf("work on queue %s: %w", s.name, err)
	}
	return nil
}

func (s *shift) handle(ctx context.Context, d queue.Delivery) queue.Outcome {
	s.deliveries.Add(1)
	out := s.consumer.Handle(ctx, d)
	if at := out.Next.NotBefore; out.Verb == queue.Retry && at.Sub(s.now()) <= soon {
		s.wait(at.UnixNano())
	}
	return out
}

// wait moves next on.
func (s *shift) wait(until int64) {
	for before := s.next.Load(); until > before; before = s.next.Load() {
		if s.next.CompareAndSwap(before, until) {
			return
		}
	}
}
