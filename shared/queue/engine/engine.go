// Package engine is what queue engines do alike while they consume: it knows the
// consumers at work, shares out workers, and paces trouble.
package engine

import (
	"context"
	"sync"
	"time"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
)

// Pause is how long to wait after the n-th trouble in a row, from 1: 100 ms doubled each
// time, up to 30 s.
func Pause(n int) time.Duration {
	return min(firstPause<<min(n-1, 20), longestPause)
}

// Sleep ends with ctx, or after d.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Consumer is one Run of an engine.
type Consumer interface {
	comparable
	// Stop ends the Run soon; it does not wait.
	Stop()
}

// Consumers are the consumers at work. The zero value is ready. It is safe for concurrent use.
type Consumers[C Consumer] struct {
	mu      sync.Mutex
	members map[C]struct{}
	closed  bool
	running sync.WaitGroup
}

// Join counts a consumer in, and reports false once Close was called.
func (cs *Consumers[C]) Join(c C) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return false
	}
	if cs.members == nil {
		cs.members = map[C]struct{}{}
	}
	cs.members[c] = struct{}{}
	cs.running.Add(1)
	return true
}

// Leave counts a consumer out that has ended.
func (cs *Consumers[C]) Leave(c C) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.members, c)
	cs.running.Done()
}

// Each calls f with every consumer at work. f must not block.
func (cs *Consumers[C]) Each(f func(C)) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.members {
		f(c)
	}
}

// Closed reports whether Close was called.
func (cs *Consumers[C]) Closed() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.closed
}

// Close stops every consumer, takes no more, and waits until the last one has left.
func (cs *Consumers[C]) Close() {
	cs.mu.Lock()
	cs.closed = true
	for c := range cs.members {
		c.Stop()
	}
	cs.mu.Unlock()
	cs.running.Wait()
}
