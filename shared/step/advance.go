package step

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// admission says whether a delivery may run.
type admission int

const (
	// welcome: run it.
	welcome admission = iota
	// busy: another step works on the account; come back in a moment.
	busy
	// overtaken: it is finished, older than what is on record, or no longer wanted.
	overtaken
	// givenUp: the step has failed for good; the delivery is put aside for a person.
	givenUp
)

// admit decides, from the record alone, whether a delivery may run. A request that
// was cancelled has its open steps closed here: offboarding wins over onboarding.
func (a *attempt) admit(rec *ledger.Record, now time.Time) admission {
	st := rec.Request.Step(a.cmd.Step)
	if st == nil || a.cmd.Attempt < st.Attempt {
		return overtaken
	}
	if rec.Request.Cancelled != "" {
		skipOpen(&rec.Request, now)
		return overtaken
	}
	if st.State == account.StepFailed {
		if verdict := a.revisit(&rec.Request, st); verdict != welcome {
			return verdict
		}
	}
	if rec.Request.AwaitsPerson() {
		return overtaken
	}
	if st.State.Finished() || rec.Request.Next() != st {
		return overtaken
	}
	if rec.Account.ID != "" && !rec.Lease.Free(a.token, now) {
		a.free = rec.Lease.Until.Sub(now)
		return busy
	}
	return welcome
}

func skipOpen(r *account.Request, now time.Time) {
	for i := range r.Steps {
		if !r.Steps[i].State.Finished() {
			r.Steps[i].State, r.Steps[i].FinishedAt = account.StepSkipped, now
		}
	}
}

// advance moves a record on after one attempt at one of its steps.
type advance struct {
	rec          *ledger.Record
	step         *account.Step
	tenant       account.Tenant
	policy       Policy
	now          time.Time
	compensation func(account.Request, account.Account) []account.Step
	// park is the handler's Result.Park, loud its Result.Tell.
	park string
	loud bool
}

func (a *advance) record(d Decision, detail string, err error) {
	st := a.step
	st.Failures, st.FaultCode, st.NextTry, st.TouchedAt = d.Failures, string(d.Code), d.At, a.now
	if err != nil {
		st.Fault = err.Error()
	}
	if detail != "" {
		st.Detail = detail
	}
	if d.Verdict == Finish || d.Verdict == GiveUp {
		st.Checkpoint = nil
	}
	switch d.Verdict {
	case Finish:
		st.State, st.FinishedAt, st.Fault = account.StepDone, a.now, ""
		a.audit(st.Function+".done", st.Detail)
		a.follow()
	case WaitMore:
		a.wait()
	case TryAgain:
		st.State = account.StepRetrying
		a.audit(st.Function+".failed", st.Fault)
	case LeaveToPerson:
		a.putOff()
	default:
		st.State, st.FinishedAt = account.StepFailed, a.now
		a.audit(st.Function+".abandoned", st.Fault)
		a.fail()
	}
}

// wait notes a wait, and says so to the ticket and the operator once each.
func (a *advance) wait() {
	st := a.step
	if st.State = account.StepWaiting; st.FaultCode != "" && st.Attempt == 1 {
		a.audit(st.Function+".waiting", st.Fault)
	}
	waited, policy := st.Waited(a.now), a.policy.during(fault.Code(st.FaultCode))
	if a.loud || policy.Tell > 0 && waited >= policy.Tell && !st.Told {
		st.Told = true
		a.tell(events.StatusWaiting, st.Fault)
	}
	if policy.Alarm > 0 && waited >= policy.Alarm && !st.Alarmed {
		st.Alarmed = true
		a.audit("wait.late", fmt.Sprintf("%s has waited %s: %s", st.Title, waited.Round(time.Second), st.Fault))
		a.tell(events.StatusAlarm, st.Fault)
	}
}

// follow sends the command of the next step, or closes the request.
func (a *advance) follow() {
	switch {
	case a.rec.Request.Cancelled != "":
		skipOpen(&a.rec.Request, a.now)
	case a.park != "" && a.rec.Request.Next() != nil:
		a.leave(a.park)
	case !a.proceed():
		a.close()
	}
}

// putOff leaves a step as if it had not been tried, for a person to have it tried anew.
func (a *advance) putOff() {
	if a.rec.Request.Cancelled != "" {
		skipOpen(&a.rec.Request, a.now)
		return
	}
	st := a.step
	st.State, st.FirstSeen, st.Delay, st.Continued = account.StepPending, time.Time{}, 0, 0
	st.Told, st.Alarmed = false, false
	a.leave(st.Fault)
}

// leave parks the request.
func (a *advance) leave(why string) {
	a.audit("request.parked", why)
	Park(a.rec, a.tenant, why, a.now)
}

// Park makes a request wait for a person's word, whatever was said before, and tells its
// ticket why and how to go on.
func Park(rec *ledger.Record, tenant account.Tenant, why string, now time.Time) {
	rec.Request.Park(why)
	how := fmt.Sprintf("%s: an approver other than the requester runs 'usher approve %s' with their own token or --by ID", why, rec.Request.ID)
	Tell(rec, events.StatusParked, tenant, how, now)
}

// fail follows a step that failed for good: leave the rest to what cancelled the request,
// go on with what else is to be taken away, compensate, or leave it to a person.
func (a *advance) fail() {
	r := &a.rec.Request
	if r.Cancelled != "" {
		skipOpen(r, a.now) // the offboarding takes away what was given, and tells of it
		return
	}
	if a.policy.GoOn != nil && a.policy.GoOn(fault.Code(a.step.FaultCode)) && a.proceed() {
		return
	}
	skipOpen(r, a.now)
	if gives(r.Action) && !a.step.Compensates && a.step.Function != events.Revoke && r.OnFailure != account.ParkOnFailure {
		r.Steps = append(r.Steps, a.compensation(*r, a.rec.Account)...)
		a.become(account.AccountLeaving)
		if a.proceed() {
			return
		}
		a.become(account.AccountGone)
	}
	a.closeFailed()
}

// proceed sends the command of the next step, if there is one.
func (a *advance) proceed() bool {
	next := a.rec.Request.Next()
	if next != nil {
		a.rec.Send = append(a.rec.Send, Begin(&a.rec.Request, next, a.tenant.Alias, a.now))
	}
	return next != nil
}

// gives reports whether an action gives rights, which are then taken away when it fails.
func gives(action account.Action) bool {
	return action == account.Onboard || action == account.Modify
}

// takes reports whether an action takes something away, for good or for a moment: when it
// fails, the account is neither as promised nor gone.
func takes(action account.Action) bool {
	return !gives(action) && action != account.Extend
}

// close ends a request whose steps are all finished, the last of them done.
func (a *advance) close() {
	acc := &a.rec.Account
	switch {
	case a.remains():
		a.closeFailed()
		return
	case a.step.Compensates:
		a.become(account.AccountGone)
		a.closeFailed()
		return
	case a.rec.Request.Action == account.Offboard:
		acc.State, acc.RevokedAt = account.AccountGone, a.now
	case acc.ID != "":
		acc.State, acc.RevokedAt = account.AccountActive, time.Time{}
		if r := a.rec.Request.Reconnects; r != nil {
			r.Settle(acc, a.rec.Request.ID)
		}
	}
	a.audit("request.succeeded", string(a.rec.Request.Action))
	if acc.ID != "" {
		a.tell(events.StatusSucceeded, "")
	}
}

// remains reports whether something that was to be taken away, or given back, could not be.
func (a *advance) remains() bool {
	for _, s := range a.rec.Request.Steps {
		if s.State == account.StepFailed && (s.Compensates || s.Function == events.Revoke || takes(a.rec.Request.Action)) {
			return true
		}
	}
	return false
}

// heldBack reports whether an offboarding was refused before it took anything away: the
// account is as it was. One that it overtook while it was being made is not whole, so it
// stays on its way out.
func (a *advance) heldBack() bool {
	if !whole(a.rec.Account) {
		return false
	}
	for _, s := range a.rec.Request.Steps {
		if s.State == account.StepDone && a.rec.Request.Action == account.Offboard {
			return false
		}
	}
	code := fault.Code(a.step.FaultCode)
	return a.rec.Request.Action == account.Offboard && (code == fault.AccountHeld || code == fault.FederationUnknown)
}

// whole reports whether an account exists and holds what it was promised.
func whole(acc account.Account) bool {
	missing := func(g account.Grant) bool { return g.State != account.GrantGiven && g.State != account.GrantTaken }
	return acc.ObjectID+acc.AppID != "" && !slices.ContainsFunc(acc.Grants, missing)
}

// closeFailed ends a request with a step that failed for good. An account of which
// something remains is neither as promised nor gone, until a replay or a person.
func (a *advance) closeFailed() {
	switch acc := &a.rec.Account; {
	case acc.ID == "":
	case a.heldBack():
		acc.State = account.AccountActive
	case a.rec.Request.Action == account.Rotate && whole(*acc):
		// It has every role again that was taken for the new password.
	case a.remains():
		a.become(account.AccountLeaving)
	}
	failed := firstFailed(a.rec.Request)
	a.audit("request.failed", failed.Fault)
	a.tell(events.StatusFailed, failed.Fault)
}

// become says how far the account has gone. A connection that stood before the request
// stands after it.
func (a *advance) become(s account.AccountState) {
	if a.rec.Request.Reconnects != nil {
		return
	}
	if a.rec.Account.State = s; s == account.AccountGone && a.step.Compensates {
		a.rec.Account.RevokedAt = a.now
	}
}

func firstFailed(r account.Request) account.Step {
	for _, s := range r.Steps {
		if s.State == account.StepFailed {
			return s
		}
	}
	return account.Step{}
}

func (a *advance) audit(kind, text string) {
	a.rec.Audit = append(a.rec.Audit, ledger.Entry{
		Tenant: a.rec.Request.Tenant, At: a.now, Kind: kind, RequestID: a.rec.Request.ID,
		AccountID: a.rec.Account.ID, Actor: a.step.Function, Text: a.step.Title + ": " + text,
	})
}

func (a *advance) tell(kind events.StatusKind, reason string) {
	Tell(a.rec, kind, a.tenant, reason, a.now)
}

// Begin gives the first command of a step. A step with a delay is shown as waiting until then.
func Begin(r *account.Request, st *account.Step, alias string, now time.Time) ledger.Outgoing {
	if st.Delay == 0 {
		return Resend(r, st, alias, now)
	}
	st.State, st.NextTry = account.StepWaiting, now.Add(st.Delay)
	return outgoing(r, st, alias, now, st.NextTry)
}

// Resend gives the next command of a step whose command may have been lost, due at once.
func Resend(r *account.Request, st *account.Step, alias string, now time.Time) ledger.Outgoing {
	return outgoing(r, st, alias, now, time.Time{})
}

// Wake gives a command of a waiting step that is due at once: what it waits for may be
// there. The command of its next try is on its way already, under the attempt's number,
// so this one counts as the try after that, and the other comes too late.
func Wake(r *account.Request, st *account.Step, alias string, now time.Time) ledger.Outgoing {
	woken := *st
	woken.Attempt++
	return outgoing(r, &woken, alias, now, time.Time{})
}

func outgoing(r *account.Request, st *account.Step, alias string, now, notBefore time.Time) ledger.Outgoing {
	cmd := events.Command{
		Function: st.Function, Request: r.ID, Step: st.Name, Attempt: st.Attempt + 1, Failures: st.Failures,
		Tenant: alias, Subject: r.UserPrincipalName, Time: now, Data: st.Args,
	}
	return ledger.Outgoing{Queue: st.Function, Message: MessageFor(cmd, notBefore)}
}
