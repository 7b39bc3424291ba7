package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

func TestAPlanRunsToItsEnd(t *testing.T) {
	r := setup(t, done)
	assert.Equal(t, queue.Complete, r.deliver(r.first()).Verb)
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	assert.Equal(t, "req/two/1", commands[0].Message.ID)
	assert.Equal(t, account.Running, account.StateOf(r.record().Request))
	assert.Equal(t, queue.Complete, r.deliver(commands[0].Message).Verb)
	assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
	assert.Equal(t, account.AccountActive, r.record().Account.State)
	_, notices := r.sent()
	require.Len(t, notices, 1)
	assert.Equal(t, queue.Complete, r.notices(context.Background(), queue.Delivery{Message: notices[0].Message, Queue: events.Notify}).Verb)
	require.Len(t, r.told, 1)
	assert.Equal(t, events.StatusSucceeded, r.told[0].Data.Status)
	assert.Empty(t, r.record().Lease)
}

func TestAFinishedStepIsNotRunAgain(t *testing.T) {
	r := setup(t, done)
	first := r.first()
	r.deliver(first)
	assert.Equal(t, queue.Complete, r.deliver(first).Verb)
	assert.Equal(t, 1, r.calls)
	assert.Equal(t, step.OutcomeSkipped, r.lines[1].Outcome)
}

func TestAWaitKeepsItsClockAndCountsNoFailure(t *testing.T) {
	r := setup(t, failing(fault.NotReady(fault.ExchangeNotReplicated, errors.New("not there"))))
	m := r.first()
	var toldAt, alarmAt time.Duration
	for range 10000 {
		out := r.deliver(m)
		_, notices := r.sent()
		switch waited := r.now.Sub(t0); {
		case len(notices) == 1 && toldAt == 0:
			toldAt = waited
		case len(notices) == 2 && alarmAt == 0:
			alarmAt = waited
		}
		if out.Verb == queue.DeadLetter {
			assert.Equal(t, string(fault.ExchangeNotReplicated), out.Reason)
			assert.Contains(t, out.Text, "not there", "the last answer of the service is kept")
			break
		}
		require.Equal(t, queue.Retry, out.Verb)
		require.NotEqual(t, m.ID, out.Next.ID, "a retry under the same id would be dropped")
		r.now, m = out.Next.NotBefore, out.Next
	}
	assert.Equal(t, 24*time.Hour, r.now.Sub(t0), "the last try is at the end of patience")
	assert.InDelta(t, 30, toldAt.Minutes(), 1)
	assert.InDelta(t, 120, alarmAt.Minutes(), 1)
	late := slices.DeleteFunc(slices.Clone(r.lines), func(l step.Line) bool { return !l.Late })
	require.Len(t, late, 1, "one delivery raised the alarm")
	assert.Equal(t, alarmAt, late[0].Waited)
	assert.Zero(t, r.record().Request.Step("one").Failures)
	assert.Equal(t, account.Undoing, account.StateOf(r.record().Request))
}

func TestFailingForGoodCompensates(t *testing.T) {
	r := setup(t, failing(fault.Stop(fault.NameTaken, errors.New("foreign"))), done)
	out := r.deliver(r.first())
	assert.Equal(t, queue.DeadLetter, out.Verb)
	assert.Equal(t, account.StepSkipped, r.record().Request.Step("two").State)
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	assert.Equal(t, events.Revoke, commands[0].Queue)
	r.deliver(commands[0].Message)
	assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
	assert.Equal(t, account.AccountGone, r.record().Account.State)
	_, notices := r.sent()
	require.Len(t, notices, 1, "the ticket hears once, when nothing is left")
	assert.Equal(t, queue.Complete, r.deliver(r.first()).Verb, "a replay after compensation does nothing")
	assert.Equal(t, 2, r.calls)
}

func TestWhatCannotBeTakenAwayDoesNotKeepTheRest(t *testing.T) {
	stop := func(code fault.Code) func() (step.Result, error) {
		return failing(fault.Stop(code, errors.New("refused")))
	}
	offboarding := func(t *testing.T, code fault.Code) *rig {
		r := setup(t, stop(code), done)
		rec := r.record()
		rec.Request.Action = account.Offboard
		for i := range rec.Request.Steps {
			rec.Request.Steps[i].Function = events.Revoke
		}
		r.book.records["req"] = *rec
		step.Handle(r.runner, events.Revoke, step.Policy{GoOn: func(c fault.Code) bool { return c != fault.AccountHeld }}, r.handle)
		return r
	}
	t.Run("GoesOn", func(t *testing.T) {
		r := offboarding(t, fault.ExchangeAccessMissing)
		first := r.first()
		assert.Equal(t, queue.DeadLetter, r.deliver(first).Verb)
		commands, _ := r.sent()
		require.Len(t, commands, 1)
		r.deliver(commands[0].Message)
		assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
		assert.Equal(t, account.AccountLeaving, r.record().Account.State)
		assert.Equal(t, queue.Complete, r.deliver(first).Verb, "the replay of the dead letter")
		assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
		assert.Equal(t, account.AccountGone, r.record().Account.State)
	})
	t.Run("StopsWhereNothingMustBeTouched", func(t *testing.T) {
		r := offboarding(t, fault.AccountHeld)
		r.deliver(r.first())
		commands, _ := r.sent()
		assert.Empty(t, commands)
		assert.Equal(t, account.StepSkipped, r.record().Request.Step("two").State)
	})
}

func TestAReplayOfAParkedFailureGoesOn(t *testing.T) {
	r := setup(t, failing(fault.Stop(fault.PermissionMissing, errors.New("grant it"))), done)
	rec := r.record()
	rec.Request.OnFailure = account.ParkOnFailure
	r.book.records["req"] = *rec
	first := r.first()
	r.deliver(first)
	assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
	assert.Equal(t, queue.Complete, r.deliver(first).Verb)
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	r.deliver(commands[0].Message)
	assert.Equal(t, account.Succeeded, account.StateOf(r.record().Request))
}

func TestTransientFailuresAreBoundedAndPanicsAreFailures(t *testing.T) {
	r := setup(t, func() (step.Result, error) { panic("boom") })
	m := r.first()
	for range 2 {
		out := r.deliver(m)
		require.Equal(t, queue.Retry, out.Verb)
		m = out.Next
	}
	out := r.deliver(m)
	assert.Equal(t, queue.DeadLetter, out.Verb)
	assert.Equal(t, string(fault.StepPanicked), out.Reason)
}

func TestOffboardingWins(t *testing.T) {
	r := setup(t, done)
	first := r.first()
	rec := r.record()
	rec.Request.Cancelled = "offboarding req-2"
	r.book.records["req"] = *rec
	assert.Equal(t, queue.Complete, r.deliver(first).Verb)
	assert.Zero(t, r.calls)
	assert.Equal(t, account.Cancelled, account.StateOf(r.record().Request))
}

func TestAnOffboardingDuringAStepKeepsTheNextFromStarting(t *testing.T) {
	r := setup(t)
	r.answers = []func() (step.Result, error){func() (step.Result, error) {
		rec := r.record()
		rec.Request.Cancelled = "offboarding req-2"
		r.book.records["req"] = *rec
		return step.Result{Learn: func(a *account.Account) { a.ObjectID = "oid" }}, nil
	}}
	r.deliver(r.first())
	commands, _ := r.sent()
	assert.Empty(t, commands)
	assert.Equal(t, "oid", r.record().Account.ObjectID, "what was done is on record, for the revocation")
}

func TestOneStepAtATimeWorksOnAnAccount(t *testing.T) {
	r := setup(t, done)
	rec := r.record()
	rec.Lease = ledger.Lease{Token: "somebody", Until: r.now.Add(time.Minute)}
	r.book.records["req"] = *rec
	out := r.deliver(r.first())
	require.Equal(t, queue.Retry, out.Verb)
	assert.Zero(t, r.calls)
	assert.Equal(t, string(fault.AccountBusy), r.lines[0].FaultCode)
	r.now = r.now.Add(time.Minute)
	assert.Equal(t, queue.Complete, r.deliver(out.Next).Verb, "a lease that ran out is taken over")
}

func TestALateWriterIsFencedOff(t *testing.T) {
	r := setup(t)
	r.answers = []func() (step.Result, error){func() (step.Result, error) {
		rec := r.record()
		rec.Lease = ledger.Lease{Token: "somebody-else", Until: r.now.Add(time.Minute)}
		r.book.records["req"] = *rec
		return step.Result{}, nil
	}}
	assert.Equal(t, queue.Retry, r.deliver(r.first()).Verb)
	assert.Equal(t, account.StepRunning, r.record().Request.Step("one").State)
}

func TestPoisonIsPutAside(t *testing.T) {
	r := setup(t, done)
	for name, m := range map[string]queue.Message{
		"not JSON":    {ID: "x", Body: []byte("{")},
		"not ours":    {ID: "x", Body: []byte(`{"specversion":"1.0","type":"somebody.else"}`)},
		"no request":  step.MessageFor(events.Command{Function: events.Create, Request: "nobody", Step: "one", Attempt: 1, Data: json.RawMessage(`{}`)}, t0),
		"wrong queue": step.MessageFor(events.Command{Function: events.Revoke, Request: "req", Step: "one", Attempt: 1, Data: json.RawMessage(`{}`)}, t0),
		"forged id":   {ID: "x", Body: []byte(`{"specversion":"1.0","type":"dev.usher365.create.v1","id":"req/one/9","requestid":"req","step":"one","attempt":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			out := r.runner.Deliver(context.Background(), queue.Delivery{Message: m, Queue: events.Create})
			assert.Equal(t, queue.DeadLetter, out.Verb)
			assert.Equal(t, string(fault.MalformedCommand), out.Reason)
		})
	}
	assert.Zero(t, r.calls)
}

func TestALedgerThatFailsLosesNothing(t *testing.T) {
	r := setup(t, done)
	first := r.first()
	r.book.fail = errors.New("disk full")
	for range 100 { // a message that is given back ten times is put aside
		out := r.deliver(first)
		assert.Equal(t, queue.Retry, out.Verb)
		assert.Equal(t, r.now.Add(15*time.Second), out.Next.NotBefore)
		assert.NotEqual(t, first.ID, out.Next.ID)
		first = out.Next
	}
	assert.Zero(t, r.calls)
	assert.Equal(t, string(fault.LedgerUnavailable), r.lines[0].FaultCode)
	r.book.fail = nil
	assert.Equal(t, queue.Complete, r.deliver(first).Verb)
	assert.Equal(t, account.StepDone, r.record().Request.Step("one").State)
}

func TestNoticesKeepTheirOrder(t *testing.T) {
	r := setup(t, done)
	rec := r.record()
	tenant := account.Tenant{Alias: "contoso"}
	for _, kind := range []events.StatusKind{events.StatusAccepted, events.StatusWaiting, events.StatusSucceeded} {
		step.Tell(rec, kind, tenant, "", r.now)
	}
	r.book.records["req"] = *rec
	_, notices := r.sent()
	deliver := func(i int) queue.Outcome {
		return r.notices(context.Background(), queue.Delivery{Message: notices[i].Message, Queue: events.Notify})
	}
	assert.Equal(t, queue.Retry, deliver(2).Verb, "the third waits for the first two")
	r.tell = errors.New("call-back is down")
	retry := deliver(0)
	require.Equal(t, queue.Retry, retry.Verb)
	assert.Equal(t, queue.Retry, deliver(1).Verb)
	out := r.notices(context.Background(), queue.Delivery{Message: retry.Next, Queue: events.Notify})
	assert.Equal(t, queue.DeadLetter, out.Verb, "given up after two failures")
	r.tell = nil
	assert.Equal(t, queue.Complete, deliver(1).Verb, "and the later ones go on")
	assert.Equal(t, queue.Complete, deliver(2).Verb)
	assert.Equal(t, queue.Complete, deliver(2).Verb)
	require.Len(t, r.told, 2)
	assert.Equal(t, []int{2, 3}, []int{r.told[0].Data.Sequence, r.told[1].Data.Sequence})
}

func TestAStepWithADelayWaits(t *testing.T) {
	r := setup(t, done)
	rec := r.record()
	rec.Request.Steps[1].Delay = 30 * 24 * time.Hour
	r.book.records["req"] = *rec
	r.deliver(r.first())
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	assert.Equal(t, t0.Add(30*24*time.Hour), commands[0].Message.NotBefore)
	assert.Equal(t, account.Waits, account.StateOf(r.record().Request))
}
