package step_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

func parking() (step.Result, error) {
	return step.Result{Detail: "looked", Park: "the tenant asks for a second factor"}, nil
}

func TestAStepThatIsDoneCanParkTheRest(t *testing.T) {
	r := setup(t, parking, done)
	assert.Equal(t, queue.Done(), r.deliver(r.first()))
	rec := r.record()
	assert.Equal(t, account.StepDone, rec.Request.Steps[0].State)
	assert.Equal(t, account.Parked, account.StateOf(rec.Request))
	commands, notices := r.sent()
	assert.Empty(t, commands, "nothing goes on before somebody agrees")
	require.Len(t, notices, 1)
	assert.Contains(t, string(notices[0].Message.Body), "second factor")
	assert.Contains(t, string(notices[0].Message.Body), `"status":"`+string(events.StatusParked)+`"`)
}

func TestThereIsNothingToParkAfterTheLastStep(t *testing.T) {
	r := setup(t, done, parking)
	r.deliver(r.first())
	commands, _ := r.sent()
	r.deliver(commands[0].Message)
	assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
}

// patient makes both functions park what would fail with the given code.
func patient(r *rig, code fault.Code) {
	for _, function := range []string{events.Create, events.AssignRole} {
		step.Handle(r.runner, function, step.Policy{
			MaxFailures: 3, Patience: 10 * time.Minute, Park: func(c fault.Code) bool { return c == code },
		}, r.handle)
	}
}

func TestAFailureThatAPersonCanMendIsParked(t *testing.T) {
	missing := fault.Stop(fault.ConsentMissing, errors.New("admin consent needed"))
	r := setup(t, failing(missing), done)
	patient(r, fault.ConsentMissing)
	first := r.first()
	assert.Equal(t, queue.Done(), r.deliver(first), "it is no dead letter")
	rec := r.record()
	one := rec.Request.Steps[0]
	assert.Equal(t, account.Parked, account.StateOf(rec.Request))
	assert.Equal(t, account.StepPending, one.State)
	assert.Zero(t, one.FirstSeen, "it is tried anew, with all its patience")
	assert.Contains(t, rec.Request.Parked, "admin consent needed")
	assert.Equal(t, step.OutcomeParked, r.lines[0].Outcome)

	r.deliver(first)
	assert.Equal(t, 1, r.calls, "a parked step is not tried before somebody agrees")

	rec.Request.Parked = ""
	again := step.Resend(&rec.Request, &rec.Request.Steps[0], "contoso", t0)
	r.book.records["req"] = *rec
	assert.NotEqual(t, first.ID, again.Message.ID)
	r.deliver(again.Message)
	assert.Equal(t, account.StepDone, r.record().Request.Steps[0].State)
}

func TestAWaitThatLastsTooLongIsParked(t *testing.T) {
	r := setup(t, failing(fault.NotReadyf(fault.IdentityNotFound, "not known yet")))
	patient(r, fault.IdentityNotFound)
	message := r.first()
	for range 20 {
		outcome := r.deliver(message)
		if outcome.Verb == queue.Done().Verb {
			break
		}
		message = outcome.Next
		r.now = r.now.Add(time.Minute)
	}
	assert.Equal(t, account.Parked, account.StateOf(r.record().Request))
	assert.Equal(t, 10*time.Minute, r.now.Sub(t0))
}

func TestOtherFailuresAreNotParked(t *testing.T) {
	r := setup(t, failing(fault.Stop(fault.NameTaken, errors.New("taken"))))
	patient(r, fault.ConsentMissing)
	r.deliver(r.first())
	assert.Equal(t, account.StepFailed, r.record().Request.Steps[0].State)
}
