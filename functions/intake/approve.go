package intake

import (
	"context"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Approve lets a parked request go on. by is who agrees: never the requester.
func (d *Desk) Approve(ctx context.Context, requestID, by, reason string) (account.Request, error) {
	var approved account.Request
	err := d.Ledger.Update(ctx, requestID, func(rec *ledger.Record) error {
		tenant, err := d.tenantByID(rec.Request.Tenant)
		if err != nil {
			return err
		}
		o := order{tenant: tenant, actor: by, now: d.Now()}
		if err := mayApprove(*rec, o); err != nil {
			return err
		}
		r := &rec.Request
		r.ApprovedBy, r.ApprovedAt = by, o.now
		note(rec, o, "request.approved", reason)
		step.Tell(rec, events.StatusAccepted, tenant, "approved by "+by, o.now)
		if next := r.Next(); next != nil {
			// A start date was turned into a delay when the request came in.
			next.Delay = max(0, next.Delay-o.now.Sub(r.CreatedAt))
		}
		send(rec, o)
		approved = *r
		return nil
	})
	return approved, err
}

func mayApprove(rec ledger.Record, o order) error {
	r := rec.Request
	switch {
	case strings.TrimSpace(o.actor) == "":
		return fault.Stopf(fault.RequestInvalid, "say who approves")
	case r.ApprovedBy != "":
		return fault.Stopf(fault.RequestInvalid, "request %s was approved by %s already", r.ID, r.ApprovedBy)
	case account.StateOf(r) != account.Parked:
		return fault.Stopf(fault.RequestInvalid, "request %s is %s and waits for no approval", r.ID, account.StateOf(r))
	case samePerson(r.Requester, o.actor):
		return fault.Stopf(fault.ApprovalMissing, "%s asked for request %s and cannot approve it too", o.actor, r.ID)
	}
	if end := rec.Account.ExpiresAt; !end.IsZero() && !end.After(o.now) {
		return fault.Stopf(fault.RequestExpired, "the end date of request %s has passed", r.ID)
	}
	return nil
}
