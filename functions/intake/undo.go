package intake

import (
	"context"
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// restoreWindow is how long Entra keeps a deleted account (Microsoft Entra: restore
// or remove a recently deleted user).
const restoreWindow = 30 * 24 * time.Hour

// errChanged asks the caller to look again.
var errChanged = errors.New("the offboarding changed in this very moment: try again")

// Undo takes an offboarding back, finished or not: what it took is given again.
// Roles that need an approval need another one. It gives the request that does it,
// which is the open one if there is one.
func (d *Desk) Undo(ctx context.Context, requestID, by string) (account.Request, error) {
	asked, err := d.Ledger.Request(ctx, requestID)
	if err != nil {
		return account.Request{}, err
	}
	if asked.Action != account.Offboard || asked.AccountID == "" {
		return account.Request{}, fault.Stopf(fault.RequestInvalid, "request %s is no offboarding, so there is nothing to take back", requestID)
	}
	o, err := d.orderBy(by, account.Restore, asked.Tenant, asked.UserPrincipalName, asked.Ticket)
	if err != nil {
		return account.Request{}, err
	}
	o.req.Reason = "takes back " + requestID
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		acc, current, err := leaver(s, asked)
		if err == nil {
			err = mayReturn(acc, current, o.now)
		}
		if err != nil {
			return ledger.Draft{}, err
		}
		return d.comeback(o, acc, current)
	})
	return verdict.Request, err
}

// leaver finds the account that the offboarding is about, and the offboarding as it
// stands in this transaction.
func leaver(s ledger.Situation, asked account.Request) (account.Account, account.Request, error) {
	acc := s.Account
	if acc == nil {
		acc = s.Last
	}
	if acc == nil || acc.ID != asked.AccountID {
		return account.Account{}, asked, fault.Stopf(fault.AlreadyManaged, "another account has the name %s now", asked.UserPrincipalName)
	}
	current, listed := asked, account.StateOf(asked).Terminal()
	for _, open := range s.Open {
		switch {
		case open.ID == asked.ID:
			current, listed = open, true
		case open.Action == account.Restore && open.Cancelled == "":
			return *acc, asked, already{open}
		case open.Action == account.Offboard && open.Cancelled == "":
			return *acc, asked, fault.Stopf(fault.RequestInvalid, "a later offboarding is under way: take back %s", open.ID)
		}
	}
	if !listed {
		return *acc, asked, fault.Retry(fault.AccountBusy, time.Second, errChanged)
	}
	return *acc, current, nil
}
