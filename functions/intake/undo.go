package intake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

// restoreWindow is how long Entra keeps a deleted account (Microsoft Entra: restore
// or remove a recently deleted user).
const restoreWindow = 30 * 24 * time.Hour

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
		return d.comeback(o, acc, current), nil
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

// mayReturn says why an offboarding cannot be taken back.
func mayReturn(acc account.Account, offboard account.Request, now time.Time) error {
	ended := offboard.CreatedAt
	for _, s := range offboard.Steps {
		if s.FinishedAt.After(ended) {
			ended = s.FinishedAt
		}
		switch part := partOf(s); {
		case part == events.RevokeForGood && s.Attempt > 0:
			return fault.Stopf(fault.RestoreWindowOver, "%s was deleted for good", acc.UserPrincipalName)
		case part == events.RevokeAccount && s.State == account.StepDone && !now.Before(s.FinishedAt.Add(restoreWindow)):
			return fault.Stopf(fault.RestoreWindowOver, "%s was deleted on %s", acc.UserPrincipalName, s.FinishedAt.UTC().Format(time.DateOnly))
		}
	}
	if offboard.Cancelled != "" || acc.State == account.AccountActive || acc.RevokedAt.After(ended) {
		return fault.Stopf(fault.RequestInvalid, "offboarding %s is not the latest word about %s: it was taken back, or another one followed", offboard.ID, acc.UserPrincipalName)
	}
	return nil
}

func partOf(s account.Step) events.RevokePart {
	var args events.RevokeArgs
	if s.Function != events.Revoke || json.Unmarshal(s.Args, &args) != nil {
		return ""
	}
	return args.Part
}

// comeback is the draft that gives an account back what an offboarding took.
func (d *Desk) comeback(o order, acc account.Account, offboard account.Request) ledger.Draft {
	rec := ledger.Record{Request: d.row(o), Account: acc}
	r := &rec.Request
	r.AccountID, r.UserPrincipalName, r.Profile, r.Undoes = acc.ID, acc.UserPrincipalName, acc.Profile, offboard.ID
	r.Steps = profile.Restoration(offboard, acc)
	var again []account.Grant
	for i, g := range acc.Grants {
		if g.State == account.GrantTaken {
			rec.Account.Grants[i].State = account.GrantPlanned
			again = append(again, g)
		}
	}
	p, _ := d.Profiles.Get(acc.Profile) // a profile that is gone asks for no approval of its own
	r.Parked = profile.ApprovalFor(p, again)
	rec.Account.State = account.AccountPlanned
	begin(&rec, o)
	if len(r.Steps) == 0 {
		if acc.ObjectID != "" {
			rec.Account.State = account.AccountActive
		}
		finish(&rec, o)
	}
	draft := ledger.Draft{Record: rec, Why: "taken back by " + r.ID}
	if !account.StateOf(offboard).Terminal() {
		draft.Cancel = []string{offboard.ID}
	}
	return draft
}
