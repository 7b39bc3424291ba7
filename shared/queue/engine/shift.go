package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/usher365/usher/shared/queue"
)

// ErrDrained ends the loop of a Run that has had nothing to do for queue.Options.Idle.
var ErrDrained = errors.New("queue: drained")

// Shift is what every Run has: its options, and its workers.
type Shift struct {
	Queue   string
	Options queue.Options
	Handle  queue.Handler
	// Taking ends when no message is to be begun any more; the handlers' context goes on.
	Taking context.Context

	stop    func()
	busy    chan struct{}
	running sync.WaitGroup
	inHand  atomic.Int64
}

// Begin prepares a Run of the options, without their zeros, and gives the context of its
// handlers, which ends with ctx or by Stop. Stop it when it is over.
func Begin(ctx context.Context, name string, o queue.Options, handle queue.Handler) (*Shift, context.Context) {
	o = o.WithDefaults()
	ctx, stop := context.WithCancel(ctx)
	s := &Shift{Queue: name, Options: o, Handle: handle, Taking: ctx, stop: stop, busy: make(chan struct{}, o.Workers)}
	if o.For > 0 {
		taking, enough := context.WithTimeout(ctx, o.For)
		s.Taking, s.stop = taking, func() { enough(); stop() }
	}
	return s, ctx
}

// Stop implements Consumer.
func (s *Shift) Stop() { s.stop() }

// Worker waits for a free worker and takes it; false when nothing is to be taken any more.
func (s *Shift) Worker() bool {
	select {
	case s.busy <- struct{}{}:
		return true
	case <-s.Taking.Done():
		return false
	}
}

// Workers takes every worker that is free now, and gives their number.
func (s *Shift) Workers() (n int) {
	for {
		select {
		case s.busy <- struct{}{}:
			n++
		default:
			return n
		}
	}
}

// Free gives n workers back.
func (s *Shift) Free(n int) {
	for range n {
		<-s.busy
	}
}

// Deliver runs work that has a delivery in hand until it ends. Giving the worker back is
// the work's own.
func (s *Shift) Deliver(work func()) {
	s.inHand.Add(1)
	s.Go(func() {
		defer s.inHand.Add(-1)
		work()
	})
}

// InHand reports whether any delivery is in hand.
func (s *Shift) InHand() bool { return s.inHand.Load() > 0 }

// Go runs something that Wait waits for.
func (s *Shift) Go(f func()) { s.running.Go(f) }

// Wait waits until everything that was begun has ended.
func (s *Shift) Wait() { s.running.Wait() }
