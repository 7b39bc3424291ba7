package servicebusfake

import (
	"errors"
	"strings"
	"time"
)

// faults are what was ordered to go wrong.
type faults struct {
	down     bool
	refusals map[string]*refusal
	busy     int
	// lose and mute count settlements: not carried out, carried out without an answer.
	lose, mute int
	delay      time.Duration
	delayed    int
	// tokens counts how many more are taken when limited is true.
	tokens  int
	limited bool
}

type refusal struct {
	condition condition
	times     int
}

// SetDown makes the namespace vanish or come back: connections are cut, new ones refused.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.down = down
	if down {
		s.cut()
	}
}

// CutConnections cuts every connection as a broken cable does; new ones are taken.
func (s *Server) CutConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut()
}

// RefuseLinks answers the next links to an address (such as "work" or
// "work/$management") with an AMQP condition, so many times.
func (s *Server) RefuseLinks(address, condition_ string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.refusals == nil {
		s.faults.refusals = map[string]*refusal{}
	}
	s.faults.refusals[strings.ToLower(address)] = &refusal{condition{symbol(condition_), "refused on command"}, times}
}

// Busy answers the next sends and management requests, so many of them, with error 50009.
func (s *Server) Busy(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.busy = times
}

// LoseSettlements forgets the next settlements on links: nothing is carried out or answered.
func (s *Server) LoseSettlements(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.lose = times
}

// MuteSettlements carries out the next settlements on links, and does not answer.
func (s *Server) MuteSettlements(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.mute = times
}

// DelaySettlements carries out the next settlements on links after a while.
func (s *Server) DelaySettlements(by time.Duration, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.delay, s.faults.delayed = by, times
}

// UnauthorizedAfter takes so many more tokens and answers 401 to all that follow. A
// negative number takes every token again.
func (s *Server) UnauthorizedAfter(tokens int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.tokens, s.faults.limited = tokens, tokens >= 0
}

// used takes one off a counter, and reports whether there was one.
func used(counter *int) bool {
	if *counter <= 0 {
		return false
	}
	*counter--
	return true
}

func (f *faults) refuse(address string) *condition {
	r := f.refusals[address]
	if r == nil || !used(&r.times) {
		return nil
	}
	return &r.condition
}

func (f *faults) isBusy() bool { return used(&f.busy) }

// settling carries a settlement out, or does to it what was ordered.
func (f *faults) settling(s *Server, settle func(answer bool)) {
	switch {
	case used(&f.lose):
	case used(&f.mute):
		settle(false)
	case used(&f.delayed):
		time.AfterFunc(f.delay, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			settle(true)
		})
	default:
		settle(true)
	}
}

var errRefused = errors.New("the token is refused on command")

func (f *faults) unauthorized() error {
	if f.limited && !used(&f.tokens) {
		return errRefused
	}
	return nil
}
