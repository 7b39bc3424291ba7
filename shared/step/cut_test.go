package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

var errLost = errors.New("the lock is lost")

// cut delivers a message whose lock is lost while the handler works.
func (r *rig) cut(m queue.Message, answer func() (step.Result, error)) queue.Outcome {
	ctx, lose := context.WithCancelCause(context.Background())
	r.answers = []func() (step.Result, error){func() (step.Result, error) { lose(errLost); return answer() }}
	var cmd events.Command
	require.NoError(r.t, json.Unmarshal(m.Body, &cmd))
	return r.runner.Deliver(ctx, queue.Delivery{Message: m, Queue: cmd.Function, Count: 1})
}

// The next delivery must not wait until the lease of one that was cut short is over.
func TestAnAttemptCutShortFreesTheAccount(t *testing.T) {
	r := setup(t)
	m := r.first()
	assert.Equal(t, queue.Abandon, r.cut(m, failing(context.Canceled)).Verb)
	assert.Empty(t, r.record().Lease)
	assert.Equal(t, account.StepRunning, r.record().Request.Steps[0].State)
	assert.Contains(t, r.lines[0].Fault, errLost.Error())
	r.answers = []func() (step.Result, error){done}
	assert.Equal(t, queue.Complete, r.deliver(m).Verb)
}

// What was done is on record, although the message comes again.
func TestWhatWasDoneIsWrittenDownWithoutTheLock(t *testing.T) {
	r := setup(t)
	m := r.first()
	r.cut(m, done)
	assert.Equal(t, account.StepDone, r.record().Request.Steps[0].State)
	r.deliver(m)
	assert.Equal(t, step.OutcomeSkipped, r.lines[1].Outcome)
}

// Another attempt that took over keeps its lease, and its record.
func TestAnAttemptCutShortLeavesAnothersLease(t *testing.T) {
	r := setup(t)
	m := r.first()
	for name, c := range map[string]struct {
		answer func() (step.Result, error)
		want   queue.Verb
	}{"failed": {failing(context.Canceled), queue.Abandon}, "done": {done, queue.Retry}} {
		t.Run(name, func(t *testing.T) {
			other := ledger.Lease{Token: "other", Until: r.now.Add(1)}
			assert.Equal(t, c.want, r.cut(m, func() (step.Result, error) {
				r.lease(other)
				return c.answer()
			}).Verb)
			assert.Equal(t, other, r.record().Lease)
			assert.Equal(t, account.StepRunning, r.record().Request.Steps[0].State)
			r.lease(ledger.Lease{})
		})
	}
}
