package step_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

// refused is an offboarding whose first step fails for good and whose second is on its way.
func refused(t *testing.T, answers ...func() (step.Result, error)) (r *rig, first, second queue.Message) {
	stop := failing(fault.Stop(fault.ExchangeAccessMissing, errors.New("refused")))
	r = setup(t, append([]func() (step.Result, error){stop}, answers...)...)
	rec := r.record()
	rec.Request.Action = account.Offboard
	for i := range rec.Request.Steps {
		rec.Request.Steps[i].Function = events.Revoke
	}
	r.book.records["req"] = *rec
	step.Handle(r.runner, events.Revoke, step.Policy{GoOn: func(fault.Code) bool { return true }}, r.handle)
	first = r.first()
	require.Equal(t, queue.DeadLetter, r.deliver(first).Verb)
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	return r, first, commands[0].Message
}

// The failure is on record, and the process died or lost the answer before the message was
// put aside: that is no replay, and the step that is under way goes on.
func TestAFailureThatComesAgainIsPutAside(t *testing.T) {
	for name, again := range map[string]func(*rig, queue.Message) queue.Outcome{
		"TheSameMessage": func(r *rig, m queue.Message) queue.Outcome { return r.deliverTimes(m, 2) },
		"TheNextAttempt": func(r *rig, _ queue.Message) queue.Outcome { return r.deliver(r.first()) },
	} {
		t.Run(name, func(t *testing.T) {
			r, first, second := refused(t, done)
			out := again(r, first)
			assert.Equal(t, queue.DeadLetter, out.Verb)
			assert.Equal(t, string(fault.ExchangeAccessMissing), out.Reason)
			assert.Contains(t, out.Text, "refused")
			assert.Equal(t, 1, r.calls, "it was not tried again")
			assert.Equal(t, queue.Complete, r.deliver(second).Verb)
			assert.Equal(t, account.StepDone, r.record().Request.Step("two").State)
			assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
		})
	}
}

func TestTheDeadLetterOfTheNextAttemptIsReplayed(t *testing.T) {
	r, _, second := refused(t, done)
	next := r.first()
	require.Equal(t, queue.DeadLetter, r.deliver(next).Verb)
	r.deliver(second)
	assert.Equal(t, queue.Complete, r.deliver(next).Verb)
	assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
}

func TestAReplayWaitsUntilTheRequestIsOver(t *testing.T) {
	r, first, second := refused(t, done)
	out := r.deliver(first)
	assert.Equal(t, queue.DeadLetter, out.Verb)
	assert.Equal(t, string(fault.AccountBusy), out.Reason)
	assert.Contains(t, out.Text, `is at "Give it a role"`)
	assert.Equal(t, queue.Complete, r.deliver(second).Verb, "the step under way is not overtaken")
	assert.Equal(t, queue.Complete, r.deliver(first).Verb)
	assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
}
