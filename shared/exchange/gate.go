package exchange

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/usher365/usher/shared/fault"
)

// maxPacing is the longest a call waits for its turn here; beyond it the work goes
// back to the queue, for waiting is the queue's business.
const maxPacing = 5 * time.Second

// gate paces the calls to one tenant: a token bucket, a number of slots, and the
// pause that the service asked for.
type gate struct {
	limits Limits
	slots  chan struct{}

	mu     sync.Mutex
	tokens float64
	filled time.Time
	closed time.Time
}

func newGate(l Limits) *gate {
	g := &gate{limits: l, tokens: float64(l.Burst)}
	if l.InFlight > 0 {
		g.slots = make(chan struct{}, l.InFlight)
	}
	return g
}

// enter waits for the call's turn; leave must be called after the call.
func (g *gate) enter(ctx context.Context, now time.Time) (leave func(), err error) {
	wait := g.reserve(now)
	if wait > maxPacing {
		// Our own limit, not a failure: hence Waiting.
		return nil, &fault.Error{Class: fault.Waiting, Code: fault.Throttled, After: wait,
			Err: fmt.Errorf("calls to this tenant's Exchange are paced; the next turn is in %s", wait.Round(time.Second))}
	}
	if err := sleep(ctx, wait); err != nil {
		return nil, err
	}
	if g.slots == nil {
		return func() {}, nil
	}
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, interrupted(ctx)
	}
}

// reserve takes a turn and says how long to wait for it. A turn further away than
// maxPacing is not taken.
func (g *gate) reserve(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if pause := g.closed.Sub(now); pause > 0 {
		// A service that asked for a pause keeps counting what comes meanwhile.
		return max(pause, maxPacing+1)
	}
	if g.limits.Interval < 0 {
		return 0
	}
	if !g.filled.IsZero() {
		g.tokens += float64(now.Sub(g.filled)) / float64(g.limits.Interval)
	}
	g.tokens, g.filled = min(g.tokens, float64(g.limits.Burst)), now
	wait := time.Duration(max(0, 1-g.tokens) * float64(g.limits.Interval))
	if wait <= maxPacing {
		g.tokens--
	}
	return wait
}

// hold closes the gate for the pause the service asked for.
func (g *gate) hold(now time.Time, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := now.Add(pause); pause > 0 && until.After(g.closed) {
		g.closed = until
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

func interrupted(ctx context.Context) error {
	return fault.Retry(fault.Unreachable, 0, fmt.Errorf("stopped while waiting for a turn to call Exchange: %w", context.Cause(ctx)))
}
