package intake

import (
	"context"
	"errors"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// Rotate sets a new password of an account and hands it over; by is who asks for it. A nil
// how means as the account's last request said. It gives the request that does it, which
// is the open one if there is one. Its statuses go to the ticket that the account was made
// for.
func (d *Desk) Rotate(ctx context.Context, acc account.Account, by, reason string, how *events.Delivery) (account.Request, error) {
	origin, err := d.Ledger.Request(ctx, acc.RequestID)
	if errors.Is(err, ledger.ErrNotFound) {
		origin.Ticket = account.Ticket{System: "usher", ID: acc.ID}
	} else if err != nil {
		return account.Request{}, err
	}
	o, err := d.orderBy(by, account.Rotate, acc.Tenant, acc.UserPrincipalName, origin.Ticket)
	if err != nil {
		return account.Request{}, err
	}
	o.req.Reason, o.req.Delivery = reason, how
	delivery, err := d.deliveryFor(acc, o.tenant, how)
	if err != nil {
		return account.Request{}, err
	}
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if err := mayRotate(o, s, acc); err != nil {
			return ledger.Draft{}, err
		}
		rec := ledger.Record{Request: d.row(o), Account: *s.Account}
		r := &rec.Request
		r.AccountID, r.UserPrincipalName, r.Profile = acc.ID, acc.UserPrincipalName, acc.Profile
		r.Steps = profile.RotationOf(rec.Account, delivery)
		if err := d.askForRecipients(&rec, o, delivery); err != nil {
			return ledger.Draft{}, err
		}
		draft := ledger.Draft{Record: rec, Why: "overtaken by " + r.ID}
		for _, open := range s.Open {
			if unheeded(open) {
				draft.Cancel = append(draft.Cancel, open.ID)
			}
		}
		d.begin(&draft.Record, o)
		return draft, nil
	})
	return verdict.Request, err
}

// askForRecipients puts to the policy all that an account holds when its password is to
// go to others than before: who has it has its rights, and those were agreed to for
// whoever was to have it then.
func (d *Desk) askForRecipients(rec *ledger.Record, o order, how account.Delivery) error {
	acc := rec.Account
	if !how.Leaves() || how.Method == acc.Delivery.Method && slices.Equal(how.Recipients, acc.Delivery.Recipients) {
		return nil
	}
	err := d.ask(rec, o, extended(acc, account.Extension{}, o.now))
	rec.Account = acc // nothing is given anew, so nothing is to be heard of
	return err
}

// unheeded reports whether a request is a rotation that nobody has agreed to yet. It gives
// way to another one.
func unheeded(r account.Request) bool {
	return r.Action == account.Rotate && r.Question != nil && r.AwaitsPerson()
}

func (d *Desk) deliveryFor(acc account.Account, t account.Tenant, how *events.Delivery) (account.Delivery, error) {
	kept := profile.Profile{Delivery: profile.Delivery(acc.Delivery)}
	delivery, err := profile.DeliveryOf(kept, how, t)
	if err != nil {
		return delivery, err
	}
	return delivery, d.deliverable(delivery)
}

// deliverable refuses a way to hand over that this installation does not have.
func (d *Desk) deliverable(how account.Delivery) error {
	switch {
	case !how.Leaves():
		return nil
	case d.Deliverable == nil:
		return fault.Stopf(fault.RequestInvalid, "delivery.method %s is not set up here: use vault", how.Method)
	}
	return d.Deliverable(how)
}

// lostPassword reports whether a request does nothing until a person approves, because the
// password that it handed over was lost. A new one is what it waits for.
func lostPassword(r account.Request) bool {
	next := r.Next()
	return r.AwaitsPerson() && next != nil && next.Name == events.StepHandOver && next.FaultCode == string(fault.HandoverFailed)
}

// mayRotate says why an account's password cannot be set anew now.
func mayRotate(o order, s ledger.Situation, asked account.Account) error {
	acc := s.Account
	switch {
	case acc == nil || acc.ID != asked.ID:
		return fault.Stopf(fault.AccountUnknown, "%s is not managed any more", asked.UserPrincipalName)
	case acc.Origin == account.Adopted:
		return fault.Stopf(fault.RequestInvalid, "%s was adopted: its password is not ours to set; whoever owns the account changes it", acc.UserPrincipalName)
	case acc.AppID != "":
		return fault.Stopf(fault.RequestInvalid, "%s signs in as an application: it has no password to rotate", acc.UserPrincipalName)
	case o.tenant.Protects(acc.UserPrincipalName, acc.ObjectID):
		return fault.Stopf(fault.AccountProtected, "%s is on the list of protected accounts of tenant %s", acc.UserPrincipalName, o.tenant.Alias)
	}
	lost := false
	for _, open := range s.Open {
		switch {
		case open.Cancelled != "", unheeded(open):
		case lostPassword(open):
			lost = true
		case open.Action == account.Rotate:
			return already{open}
		default:
			return fault.Stopf(fault.AccountBusy, "request %s is still at work on %s: wait for it", open.ID, acc.UserPrincipalName)
		}
	}
	// A new account counts as planned until its hand-over is done.
	there := acc.State == account.AccountActive || lost && acc.State == account.AccountPlanned
	if !there || acc.ObjectID == "" {
		return fault.Stopf(fault.RequestInvalid, "%s is %s, so it gets no new password", acc.UserPrincipalName, acc.State)
	}
	return nil
}
