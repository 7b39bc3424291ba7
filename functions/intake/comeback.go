package intake

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/profile"
)

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
		case part == events.RevokeAccount && acc.OnPremises.Mastered() && s.Attempt > 0 && s.State != account.StepFailed:
			return fault.Stopf(fault.UserSynced, "%s was deleted in Active Directory (object %s), and Usher cannot give it back: ask for a new account, or restore it from the recycle bin of Active Directory by hand", acc.UserPrincipalName, acc.OnPremises.GUID)
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
func (d *Desk) comeback(o order, acc account.Account, offboard account.Request) (ledger.Draft, error) {
	rec := ledger.Record{Request: d.row(o), Account: acc}
	r := &rec.Request
	r.AccountID, r.UserPrincipalName, r.Profile, r.Undoes = acc.ID, acc.UserPrincipalName, acc.Profile, offboard.ID
	expired := lifetime.TermsOf(acc).Expired(o.now)
	var again []account.Grant
	for i, g := range acc.Grants {
		if g.State == account.GrantTaken {
			rec.Account.Grants[i].State = account.GrantPlanned
		}
		// What it still has was agreed to until its end, and no longer.
		if g.State != account.GrantGiven || expired {
			again = append(again, g)
		}
	}
	rec.Account.State = account.AccountPlanned
	if expired {
		// Or the next sync would take it away again.
		rec.Account.ExpiresAt = time.Time{}
		note(&rec, o, "expiry.lifted", "the account had expired on "+acc.ExpiresAt.UTC().Format(time.DateOnly))
	}
	r.Steps = profile.Restoration(offboard, rec.Account)
	if err := d.ask(&rec, o, account.Question{Grants: again, Owner: acc.Owner, Begins: o.now, Ends: rec.Account.ExpiresAt}); err != nil {
		return ledger.Draft{}, err
	}
	if r.AwaitsPerson() && takesRights(offboard) {
		return ledger.Draft{}, fault.Stopf(fault.AccountBusy, "request %s still takes the rights of %s away, and people have to agree before they are given back: wait until it has", offboard.ID, acc.UserPrincipalName)
	}
	d.begin(&rec, o)
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
	return draft, nil
}

// takesRights reports whether an offboarding has rights to take away still. One that
// nobody agreed to take back is not stopped in that.
func takesRights(offboard account.Request) bool {
	return slices.ContainsFunc(offboard.Steps, func(s account.Step) bool {
		switch partOf(s) {
		case "", events.RevokeFederation, events.RevokeEnabled, events.RevokeSessions, events.RevokeAccount, events.RevokeForGood:
			return false
		}
		return !s.State.Finished()
	})
}
