package step

import (
	"math"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Policy says how patient a function is.
type Policy struct {
	// MaxFailures stops a step after this many counted failures. Zero means 10. While a
	// service is away (fault.Outage) it is five times as many: with the pauses of
	// Backoff an outage of five hours fails nothing.
	MaxFailures int
	// Patience stops a step that still waits this long after it was first tried. Zero means 15 minutes.
	Patience time.Duration
	// Wait is the pause before a waiting step is tried again. Nil means Steady.
	Wait Wait
	// Tell and Alarm are how long a wait is normal: after Tell the ticket hears of it,
	// after Alarm the operator. Zero means never.
	Tell, Alarm time.Duration
	// Waits are the causes with a patience of their own; nil has none.
	Waits map[fault.Code]Waiting
	// Timeout ends one attempt. Zero means 2 minutes.
	Timeout time.Duration
	// MaxAgain stops a step whose handler asked this often to be called again at once
	// (Result.Again), for it seems never to end. Zero means 100.
	MaxAgain int
	// GoOn says whether the rest of the plan goes on after a step failed for good with
	// this code: what can still be taken away is. Nil means that it does not.
	GoOn func(fault.Code) bool
	// Park says whether a step that would fail for good with this code is parked instead,
	// for a person to put right what is wrong outside and approve: then it is tried anew,
	// with all its patience. Nil parks nothing. What was given so far stays meanwhile.
	Park func(fault.Code) bool
}

// Wait gives the pause before a waiting step is tried again, from the tenant, how
// long the step has waited, its attempt (from 1), and a random number in [0,1).
type Wait func(t account.TenantID, waited time.Duration, attempt int, rnd float64) time.Duration

const (
	defaultMaxFailures = 10
	defaultPatience    = 15 * time.Minute
	defaultTimeout     = 2 * time.Minute
	defaultMaxAgain    = 100
	firstBackoff       = time.Second
	maxBackoff         = 10 * time.Minute
	maxSteadyWait      = 30 * time.Second
	outagePatience     = 5
)

func (p Policy) withDefaults() Policy {
	if p.MaxFailures == 0 {
		p.MaxFailures = defaultMaxFailures
	}
	if p.Patience == 0 {
		p.Patience = defaultPatience
	}
	if p.Wait == nil {
		p.Wait = Steady
	}
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.MaxAgain == 0 {
		p.MaxAgain = defaultMaxAgain
	}
	return p
}

// Longest is how long one attempt may take.
func (p Policy) Longest() time.Duration { return p.withDefaults().Timeout }

// Verdict is what a handler's answer means for its step.
type Verdict int

const (
	// Finish: the step is done.
	Finish Verdict = iota
	// WaitMore: the world is not ready; try again at Decision.At without counting.
	WaitMore
	// TryAgain: it failed; try again at Decision.At.
	TryAgain
	// GiveUp: it failed for good.
	GiveUp
	// LeaveToPerson: it would have failed for good, and waits for a person (Policy.Park).
	LeaveToPerson
)

// Decision is the outcome of one attempt.
type Decision struct {
	Verdict Verdict
	// At is when to try again.
	At time.Time
	// Failures is the new count of failed attempts.
	Failures int
	// Code is the fault code; empty when the step is done.
	Code fault.Code
}

// Decide turns a handler's error into what happens next. It is pure: now and rnd,
// a random number in [0,1), are given.
func Decide(err error, t account.TenantID, cmd events.Command, p Policy, now time.Time, rnd float64) Decision {
	p = p.withDefaults().during(fault.CodeOf(err))
	d := Decision{Failures: cmd.Failures, Code: fault.CodeOf(err)}
	switch {
	case err == nil:
		return d
	case fault.ClassOf(err) == fault.Permanent:
		d.Verdict, d.Failures = GiveUp, cmd.Failures+1
	case fault.ClassOf(err) == fault.Waiting:
		d.Verdict = WaitMore
		waited := waitedSince(cmd.FirstSeen, now)
		if waited >= p.Patience {
			d.Verdict = GiveUp
			break
		}
		// The last try is just before patience ends, never after it.
		pause := min(p.Wait(t, waited, cmd.Attempt, rnd), p.Patience-waited)
		d.At = now.Add(max(pause, fault.RetryAfter(err)))
	default:
		d.Verdict, d.Failures = TryAgain, cmd.Failures+1
		if d.Failures >= p.limit(d.Code) {
			d.Verdict = GiveUp
			break
		}
		d.At = now.Add(max(Backoff(d.Failures, rnd), fault.RetryAfter(err)))
	}
	if d.Verdict == GiveUp && p.Park != nil && p.Park(d.Code) {
		d.Verdict, d.Failures = LeaveToPerson, 0
	}
	return d
}

func (p Policy) limit(code fault.Code) int {
	if fault.Outage(code) {
		return p.MaxFailures * outagePatience
	}
	return p.MaxFailures
}

func waitedSince(first, now time.Time) time.Duration {
	if first.IsZero() {
		return 0
	}
	return now.Sub(first)
}

// Backoff is the pause after the given number of failures: 1, 2, 4 … seconds, at
// most 10 minutes, of which the upper half is random.
func Backoff(failures int, rnd float64) time.Duration {
	exponent := float64(min(max(failures, 1), 30) - 1)
	full := min(float64(firstBackoff)*math.Pow(2, exponent), float64(maxBackoff))
	return time.Duration(full/2 + full/2*rnd)
}

// Steady waits a second at first and 30 seconds in the end: for replication inside
// one directory, which takes seconds to minutes.
func Steady(_ account.TenantID, waited time.Duration, _ int, rnd float64) time.Duration {
	pause := min(max(time.Second, waited/4), maxSteadyWait)
	return pause + time.Duration(rnd*float64(pause)/10)
}
