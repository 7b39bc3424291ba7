package intake

import (
	"context"
	"errors"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// Revoke takes a managed account away because a person said so; by is their name.
// It gives the request that does it, which is the open one if there is one. Its
// statuses go to the ticket that the account was made for.
func (d *Desk) Revoke(ctx context.Context, acc account.Account, by, reason string, how events.Offboard) (account.Request, error) {
	origin, err := d.Ledger.Request(ctx, acc.RequestID)
	if errors.Is(err, ledger.ErrNotFound) {
		origin.Ticket = account.Ticket{System: "usher", ID: acc.ID}
	} else if err != nil {
		return account.Request{}, err
	}
	o, err := d.orderBy(by, account.Offboard, acc.Tenant, acc.UserPrincipalName, origin.Ticket)
	if err != nil {
		return account.Request{}, err
	}
	o.req.Reason = reason
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if s.Account != nil && s.Account.ID != acc.ID {
			s.Account = nil
		}
		return d.farewell(o, s, how)
	})
	return verdict.Request, err
}

// Expire takes an account away whose time is over, or that nobody answers for. It does
// nothing when that is under way already.
func (d *Desk) Expire(ctx context.Context, acc account.Account, reason string, how events.Offboard) error {
	_, err := d.Revoke(ctx, acc, events.FullSync, reason, how)
	return err
}
