package step_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

var t0 = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	cause := errors.New("cause")
	steady := func(account.TenantID, time.Duration, int, float64) time.Duration { return time.Minute }
	patient := step.Policy{Patience: time.Hour, Wait: steady, MaxFailures: 3}
	for name, tt := range map[string]struct {
		err  error
		cmd  events.Command
		now  time.Time
		want step.Decision
	}{
		"done": {nil, events.Command{Failures: 2}, t0, step.Decision{Verdict: step.Finish, Failures: 2}},
		"unknown error is a failure, backed off": {cause, events.Command{}, t0,
			step.Decision{Verdict: step.TryAgain, Failures: 1, Code: fault.Unexpected, At: t0.Add(500 * time.Millisecond)}},
		"Retry-After beats the backoff": {fault.Retry(fault.Throttled, 5*time.Minute, cause), events.Command{}, t0,
			step.Decision{Verdict: step.TryAgain, Failures: 1, Code: fault.Throttled, At: t0.Add(5 * time.Minute)}},
		"the last failure gives up": {cause, events.Command{Failures: 2}, t0,
			step.Decision{Verdict: step.GiveUp, Failures: 3, Code: fault.Unexpected}},
		"an outage is given more time": {fault.Retry(fault.Unreachable, 0, cause), events.Command{Failures: 13}, t0,
			step.Decision{Verdict: step.TryAgain, Failures: 14, Code: fault.Unreachable, At: t0.Add(5 * time.Minute)}},
		"an outage ends somewhere too": {fault.Retry(fault.Unreachable, 0, cause), events.Command{Failures: 14}, t0,
			step.Decision{Verdict: step.GiveUp, Failures: 15, Code: fault.Unreachable}},
		"permanent gives up at once": {fault.Stop(fault.NameTaken, cause), events.Command{}, t0,
			step.Decision{Verdict: step.GiveUp, Failures: 1, Code: fault.NameTaken}},
		"waiting is not a failure": {fault.NotReady(fault.ExchangeNotReplicated, cause), events.Command{Failures: 2, FirstSeen: t0}, t0.Add(10 * time.Minute),
			step.Decision{Verdict: step.WaitMore, Failures: 2, Code: fault.ExchangeNotReplicated, At: t0.Add(11 * time.Minute)}},
		"the last wait ends with patience": {fault.NotReady(fault.ExchangeNotReplicated, cause), events.Command{FirstSeen: t0}, t0.Add(59*time.Minute + 30*time.Second),
			step.Decision{Verdict: step.WaitMore, Code: fault.ExchangeNotReplicated, At: t0.Add(time.Hour)}},
		"patience ends": {fault.NotReady(fault.ExchangeNotReplicated, cause), events.Command{FirstSeen: t0}, t0.Add(time.Hour),
			step.Decision{Verdict: step.GiveUp, Code: fault.ExchangeNotReplicated}},
		"a wrapped fault keeps its class": {errors.Join(errors.New("outer"), fault.Stop(fault.RoleNotFound, cause)), events.Command{}, t0,
			step.Decision{Verdict: step.GiveUp, Failures: 1, Code: fault.RoleNotFound}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, step.Decide(tt.err, "tid", tt.cmd, patient, tt.now, 0))
		})
	}
}

func TestBackoffGrowsToItsCap(t *testing.T) {
	assert.Equal(t, 500*time.Millisecond, step.Backoff(1, 0))
	assert.InDelta(t, float64(time.Second), float64(step.Backoff(1, 0.9999)), float64(time.Millisecond))
	assert.Equal(t, 2*time.Second, step.Backoff(3, 0))
	assert.Equal(t, 5*time.Minute, step.Backoff(1000, 0))
	assert.LessOrEqual(t, step.Backoff(1000, 0.9999), 10*time.Minute)
}

func TestSteadyIsQuickAtFirstAndCalmLater(t *testing.T) {
	assert.Equal(t, time.Second, step.Steady("tid", 0, 1, 0))
	assert.Equal(t, 30*time.Second, step.Steady("tid", time.Hour, 9, 0))
}

func TestAnOutageOfHoursFailsNothing(t *testing.T) {
	cmd, now := events.Command{}, t0
	for {
		d := step.Decide(fault.Retry(fault.ServiceUnavailable, 0, errors.New("down")), "tid", cmd, step.Policy{}, now, 0)
		if d.Verdict == step.GiveUp {
			break
		}
		cmd.Failures, now = d.Failures, d.At
	}
	assert.Greater(t, now.Sub(t0), 3*time.Hour, "even when jitter makes every pause its shortest")
	assert.Equal(t, 50, cmd.Failures+1)
}
