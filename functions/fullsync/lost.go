package fullsync

import (
	"context"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// overdueAfter is how late a command must be before it counts as lost: longer than
// any lock, any time limit of a handler, and any outage that the queue rides out.
const overdueAfter = 15 * time.Minute

// requeueLost sends the next command of each request again that should have moved
// and did not. A command that was only slow is harmless twice: steps are idempotent.
func (h *Handler) requeueLost(ctx context.Context, t step.Task[events.FullSyncArgs], open []account.Request, run *ledger.SyncRun) error {
	for _, r := range open {
		if r.Action == account.Sync || !Overdue(r, t.Now) {
			continue
		}
		finding := ledger.Finding{
			Kind: CommandLost, AccountID: r.AccountID, UserPrincipalName: r.UserPrincipalName, Target: r.ID,
			Text: fmt.Sprintf("request %s stood still at %q; its command was sent again", r.ID, r.Next().Title),
		}
		if err := h.resend(ctx, t, r.ID, finding); err != nil {
			return fmt.Errorf("send the lost command of %s again: %w", r.ID, err)
		}
		run.Findings = append(run.Findings, finding)
	}
	return nil
}

// Overdue reports whether a request's next command should have done something long
// ago. A request that is over or parked has none under way; the one of a request that was
// overtaken closes it.
func Overdue(r account.Request, now time.Time) bool {
	next, state := r.Next(), account.StateOf(r)
	if next == nil || state == account.Parked || state.Terminal() {
		return false
	}
	due := latest(r.CreatedAt, r.ApprovedAt, next.TouchedAt, next.NextTry)
	for _, s := range r.Steps {
		due = latest(due, s.FinishedAt)
	}
	return now.Sub(due) > overdueAfter
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

func (h *Handler) resend(ctx context.Context, t step.Task[events.FullSyncArgs], id string, f ledger.Finding) error {
	return h.books.Update(ctx, id, func(rec *ledger.Record) error {
		if !Overdue(rec.Request, t.Now) {
			return nil
		}
		next := rec.Request.Next()
		next.Attempt++ // the id of the lost command must not come again
		next.TouchedAt = t.Now
		rec.Send = append(rec.Send, step.Resend(&rec.Request, next, t.Tenant.Alias, t.Now))
		rec.Audit = append(rec.Audit, entry(t, f.Kind, f.AccountID, f.Text))
		return nil
	})
}
