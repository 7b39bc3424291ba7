package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

func TestTimeLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		allowed time.Duration // zero is no deadline
		works   time.Duration
	}{
		"no deadline":              {0, 1000 * time.Hour},
		"fifteen minutes":          {15 * time.Minute, 14 * time.Minute},
		"four minutes":             {4 * time.Minute, 3 * time.Minute},
		"little is shared out":     {40 * time.Second, 30 * time.Second},
		"the time is over already": {-time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.allowed != 0 {
					limited, cancel := context.WithTimeout(ctx, tt.allowed)
					defer cancel()
					ctx = limited
				}
				left := step.TimeLeft(ctx)
				if tt.works > 0 {
					time.Sleep(tt.works - time.Nanosecond)
					assert.True(t, left())
					time.Sleep(time.Nanosecond)
				}
				assert.Equal(t, tt.allowed == 0, left())
			})
		})
	}
}

// counting is a step without an account that counts, one number an attempt, up to last.
type counting struct {
	*rig
	last int
	// trouble, when it is not nil, is asked before a number is counted.
	trouble func(n int) error
	// meanwhile, when it is not nil, runs while an attempt is at work.
	meanwhile func(n int)
}

func count(t *testing.T, last int) *counting {
	c := &counting{rig: setup(t, done), last: last}
	rec := c.record()
	rec.Account.ID, rec.Request.AccountID, rec.Request.Action = "", "", account.Sync
	rec.Request.Steps = []account.Step{{Name: "count", Function: events.FullSync, Title: "Count", Args: []byte(`{}`), State: account.StepPending}}
	c.book.records["req"] = *rec
	step.Handle(c.runner, events.FullSync, step.Policy{MaxFailures: 3, MaxAgain: 20}, c.handle)
	return c
}

func (c *counting) handle(_ context.Context, task step.Task[struct{}]) (step.Result, error) {
	n := 0
	if task.Step.Checkpoint != nil {
		require.NoError(c.t, json.Unmarshal(task.Step.Checkpoint, &n))
	}
	c.calls++
	if c.meanwhile != nil {
		c.meanwhile(n)
	}
	if c.trouble != nil {
		if err := c.trouble(n); err != nil {
			return step.Result{Checkpoint: json.RawMessage(strconv.Itoa(n))}, err
		}
	}
	if n++; n < c.last {
		return step.Result{Again: true, Checkpoint: json.RawMessage(strconv.Itoa(n)), Detail: strconv.Itoa(n) + " so far"}, nil
	}
	return step.Result{Detail: "counted to " + strconv.Itoa(n)}, nil
}

func (c *counting) command() queue.Message {
	rec := c.record()
	return step.Begin(&rec.Request, rec.Request.Step("count"), "contoso", c.now).Message
}

// lastAttempt is the message of the last attempt.
func (c *counting) lastAttempt() queue.Message {
	rec := c.record()
	st := *rec.Request.Step("count")
	st.Attempt--
	return step.Begin(&rec.Request, &st, "contoso", c.now).Message
}

// play delivers a message and what follows it, and gives the ids and the last outcome.
func (c *counting) play(m queue.Message) (ids []string, last queue.Outcome) {
	for {
		ids = append(ids, m.ID)
		if last = c.deliver(m); last.Verb != queue.Retry {
			return ids, last
		}
		require.NotEqual(c.t, m.ID, last.Next.ID)
		m = last.Next
		c.now = m.NotBefore
	}
}

func TestAStepGoesOn(t *testing.T) {
	c := count(t, 3)
	ids, last := c.play(c.command())
	assert.Equal(t, []string{"req/count/1", "req/count/2", "req/count/3"}, ids)
	assert.Equal(t, queue.Complete, last.Verb)
	assert.Equal(t, t0, c.now, "at once, without a pause")
	st := c.record().Request.Step("count")
	assert.Equal(t, "counted to 3", st.Detail)
	assert.Equal(t, 2, st.Continued)
	assert.Zero(t, st.Failures)
	assert.Empty(t, st.Checkpoint, "it is forgotten when the step is over")
	assert.Equal(t, step.OutcomeWaiting, c.lines[0].Outcome)
	assert.Empty(t, c.lines[0].FaultCode)
}

func TestAFailureKeepsWhereTheWorkStands(t *testing.T) {
	c := count(t, 4)
	failures := 0
	c.trouble = func(n int) error {
		if n == 2 && failures < 2 {
			failures++
			return errors.New("page lost")
		}
		return nil
	}
	ids, last := c.play(c.command())
	assert.Len(t, ids, 6)
	assert.Equal(t, queue.Complete, last.Verb)
	assert.Equal(t, 6, c.calls, "four numbers, and two of them in vain")
}

func TestAStepThatNeverEnds(t *testing.T) {
	c := count(t, 1000)
	first := c.command()
	ids, last := c.play(first)
	assert.Len(t, ids, 21)
	assert.Equal(t, queue.DeadLetter, last.Verb)
	assert.Equal(t, string(fault.StepEndless), last.Reason)
	assert.Contains(t, last.Text, "20 times")
	assert.Equal(t, account.Failed, account.StateOf(c.record().Request))

	c.last = 5
	_, last = c.play(c.lastAttempt()) // as the dead letter is, when it is replayed
	assert.Equal(t, queue.Complete, last.Verb)
	assert.Equal(t, "counted to 5", c.record().Request.Step("count").Detail, "a replay begins anew")
	assert.Equal(t, 4, c.record().Request.Step("count").Continued)
}

// Between the commit and the send the process dies: the same message comes again.
func TestACrashBetweenCommitAndSendLosesNothing(t *testing.T) {
	c := count(t, 3)
	m := c.command()
	require.Equal(t, queue.Retry, c.deliver(m).Verb)
	ids, last := c.play(m)
	assert.Equal(t, []string{"req/count/1", "req/count/2"}, ids)
	assert.Equal(t, queue.Complete, last.Verb)
	assert.Equal(t, 3, c.calls, "what was counted is not counted again")
}

func TestAnOldMessageChangesNothing(t *testing.T) {
	c := count(t, 3)
	first := c.command()
	second := c.deliver(first).Next
	third := c.deliver(second).Next
	assert.Equal(t, queue.Complete, c.deliver(first).Verb)
	assert.Equal(t, 2, c.calls)
	_, last := c.play(third)
	assert.Equal(t, queue.Complete, last.Verb)
	for _, old := range []queue.Message{first, second, third} {
		assert.Equal(t, queue.Complete, c.deliver(old).Verb)
	}
	assert.Equal(t, 3, c.calls)
}

// A process died after it had sent the next message and before it completed its own:
// both are delivered at a time. Or the same message is, for its lock was lost.
func TestOfTwoAttemptsAtATimeOneWrites(t *testing.T) {
	c := count(t, 10)
	first := c.command()
	second := c.deliver(first).Next
	other := second
	var answer queue.Outcome
	c.meanwhile = func(int) {
		c.meanwhile = nil
		answer = c.deliver(other)
	}
	assert.Equal(t, queue.Retry, c.deliver(first).Verb, "it comes again, and is skipped then")
	assert.Equal(t, queue.Complete, c.deliver(first).Verb)
	require.Equal(t, queue.Retry, answer.Verb)
	assert.JSONEq(t, "2", string(c.record().Request.Step("count").Checkpoint))
	assert.Equal(t, 2, c.record().Request.Step("count").Continued)

	other = answer.Next
	c.meanwhile = func(int) {
		c.meanwhile = nil
		answer = c.deliver(other)
	}
	assert.Equal(t, queue.Retry, c.deliver(other).Verb)
	require.Equal(t, queue.Retry, answer.Verb)
	assert.JSONEq(t, "3", string(c.record().Request.Step("count").Checkpoint))
}

func TestAFailureDuringAnOffboardingIsLeftToIt(t *testing.T) {
	r := setup(t)
	r.answers = []func() (step.Result, error){func() (step.Result, error) {
		rec := r.record()
		rec.Request.Cancelled = "offboarding req-2"
		rec.Account.State = account.AccountLeaving
		r.book.records["req"] = *rec
		return step.Result{Learn: func(a *account.Account) { a.ObjectID = "oid" }}, fault.Stopf(fault.UserNotFound, "gone already")
	}}
	assert.Equal(t, queue.DeadLetter, r.deliver(r.first()).Verb)
	rec := r.record()
	assert.Len(t, rec.Request.Steps, 2, "no compensation is planned: the offboarding takes away what was given")
	assert.Equal(t, account.StepSkipped, rec.Request.Step("two").State)
	assert.True(t, account.StateOf(rec.Request).Terminal())
	assert.Empty(t, rec.Send, "the ticket hears of the offboarding only")
	assert.Equal(t, account.AccountLeaving, rec.Account.State)
	assert.Equal(t, "oid", rec.Account.ObjectID, "what was done is on record, for the revocation")
}
