package intake

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/step"
)

// viaTicket is how an approval came that a document brought along.
const viaTicket = "ticket"

// Approve takes one person's word for a parked request, which goes on when there are
// enough. An approval without a digest is for the request as it stands; its time is now.
// One that does not count is refused with fault.ApprovalMissing, and is in the audit log.
func (d *Desk) Approve(ctx context.Context, requestID string, a account.Approval) (account.Request, error) {
	var after account.Request
	var refused error
	a.By = strings.TrimSpace(a.By)
	err := d.Ledger.Update(ctx, requestID, func(rec *ledger.Record) error {
		tenant, err := d.tenantByID(rec.Request.Tenant)
		if err != nil {
			return err
		}
		o := order{tenant: tenant, actor: a.By, now: d.Now()}
		a.At = o.now
		if err := mayApprove(*rec, o); err != nil {
			return err
		}
		if refused, err = d.heed(rec, o, a); err != nil {
			return err
		}
		if refused == nil {
			d.goOn(rec, o)
			takeUp(rec)
			err = d.prolong(rec, o)
		}
		after = rec.Request
		return err
	})
	return after, cmp.Or(err, refused)
}

// heed keeps one person's word with the request when it counts, and audits it either way.
func (d *Desk) heed(rec *ledger.Record, o order, a account.Approval) (refused, err error) {
	r := &rec.Request
	c, err := d.Case(*r)
	if err != nil {
		return nil, err
	}
	a.Digest = cmp.Or(a.Digest, c.Digest)
	before := c.Standing(r.Approvals, o.now)
	after := c.Standing(append([]account.Approval{a}, r.Approvals...), o.now)
	if err := c.Check(a, o.now); err != nil {
		refused = err
	} else if len(after.Counted) == len(before.Counted) {
		refused = errors.New(a.By + " has approved it already")
	}
	if refused != nil {
		note(rec, o, "approval.refused", a.By+" "+a.How()+": "+refused.Error())
		return fault.Stopf(fault.ApprovalMissing, "request %s: %w", r.ID, refused), nil
	}
	r.Approvals = append(r.Approvals, a)
	if !after.Granted {
		note(rec, o, "approval.given", saying(a.How()+"; "+after.Why, a.Reason))
		return nil, nil
	}
	r.ApprovedAt = o.now
	note(rec, o, "request.approved", saying(a.How(), a.Reason))
	return nil, nil
}

// goOn tells the ticket how far the approvals have come, and sends the next command when
// there are enough.
func (d *Desk) goOn(rec *ledger.Record, o order) {
	r := &rec.Request
	if r.AwaitsPerson() {
		step.Tell(rec, events.StatusParked, o.tenant, "approved by "+o.actor+"; "+d.appeal(*r, o.now), o.now)
		return
	}
	step.Tell(rec, events.StatusAccepted, o.tenant, "approved by "+o.actor, o.now)
	if next := r.Next(); next != nil && r.Question != nil {
		// A start date was turned into a delay when the request came in.
		next.Delay = max(0, next.Delay-o.now.Sub(r.CreatedAt))
	}
	send(rec, o)
}

func mayApprove(rec ledger.Record, o order) error {
	r := rec.Request
	switch {
	case strings.TrimSpace(o.actor) == "":
		return fault.Stopf(fault.RequestInvalid, "say who approves")
	case account.StateOf(r) != account.Parked:
		return fault.Stopf(fault.RequestInvalid, "request %s is %s and waits for no approval", r.ID, account.StateOf(r))
	}
	if r.Action != account.Extend && lifetime.TermsOf(rec.Account).Expired(o.now) {
		return fault.Stopf(fault.RequestExpired, "the end date of request %s has passed", r.ID)
	}
	return nil
}

// claim counts the approval that a fresh document brings along, where its source is
// trusted with that. One that does not count leaves the request parked.
func (d *Desk) claim(rec *ledger.Record, o order) error {
	a, ok := claimOf(o)
	if !ok || !rec.Request.AwaitsPerson() {
		return nil
	}
	o.actor = a.By
	_, err := d.heed(rec, o, a)
	return err
}

// claimOf is the approval of a document whose source is trusted with it.
func claimOf(o order) (account.Approval, bool) {
	said := o.req.Approval
	if said == nil || !o.trusted {
		return account.Approval{}, false
	}
	a := account.Approval{By: said.ApprovedBy, At: said.ApprovedAt, Via: viaTicket, Proof: account.ProofTicket, Reason: said.Reference}
	if a.At.IsZero() {
		a.At = o.now
	}
	return a, true
}

// endorse counts the approval of a document that was taken before, if it is the same
// but for that. What was said before, or is said about another content, changes nothing.
func (d *Desk) endorse(ctx context.Context, o order, v ledger.Verdict) (ledger.Verdict, error) {
	a, ok := claimOf(o)
	if !ok || account.StateOf(v.Request) != account.Parked || v.Request.Question == nil {
		return v, nil
	}
	err := d.Ledger.Update(ctx, v.Request.ID, func(rec *ledger.Record) error {
		r := &rec.Request
		if r.Question == nil || mayApprove(*rec, order{actor: a.By, now: o.now}) != nil || knows(*r, a) {
			v.Request = *r
			return nil
		}
		asked := *r
		asked.Question = &account.Question{}
		*asked.Question = *r.Question
		asked.Question.Document = document(o)
		c, err := d.Case(asked)
		if err != nil {
			return err
		}
		a.Digest = c.Digest
		said := o
		said.actor = a.By
		refused, err := d.heed(rec, said, a)
		if err == nil && refused == nil {
			d.goOn(rec, said)
			takeUp(rec)
		}
		v.Request = *r
		return err
	})
	return v, err
}

// knows reports whether a claim was counted before: tickets are delivered again and again.
func knows(r account.Request, a account.Approval) bool {
	for _, known := range r.Approvals {
		if known.Via == a.Via && known.By == a.By && known.Reason == a.Reason {
			return true
		}
	}
	return false
}
