package step

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// revisit decides about a delivery for a step that failed for good. Only the dead letter
// of its last attempt, replayed, has it tried again. The same message may also come because
// nobody knew that the failure was written down; then it becomes that dead letter.
func (a *attempt) revisit(r *account.Request, failed *account.Step) admission {
	underway := r.Next()
	switch {
	case slices.ContainsFunc(r.Steps, func(s account.Step) bool { return s.Compensates }):
		return overtaken // what the request gave was taken away meanwhile
	case a.cmd.Attempt > failed.Attempt || a.deliveries > 1:
		failed.Attempt = a.cmd.Attempt
		a.code, a.why = fault.Code(failed.FaultCode), failed.Fault
		return givenUp
	case underway != nil && !r.AwaitsPerson():
		a.code = fault.AccountBusy
		a.why = fmt.Sprintf("the request goes on without this step and is at %q: replay this when that is over", underway.Title)
		return givenUp
	}
	reopen(r, failed)
	return welcome
}

// reopen has a failed step tried again, and after it those that were skipped for it.
func reopen(r *account.Request, failed *account.Step) {
	after := false
	for i := range r.Steps {
		s := &r.Steps[i]
		if after && s.State == account.StepSkipped {
			s.State, s.FinishedAt = account.StepPending, time.Time{}
		}
		after = after || s == failed
	}
	failed.State, failed.FinishedAt, failed.FirstSeen, failed.Failures = account.StepPending, time.Time{}, time.Time{}, 0
	failed.Continued = 0
	r.Parked = ""
}
