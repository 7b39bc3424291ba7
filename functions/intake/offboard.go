package intake

import (
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/step"
)

// offboardOf says how a ticket wants the account to go; without a word, by the defaults.
func offboardOf(req events.Request) events.Offboard {
	if req.Offboard == nil {
		return events.Offboard{}
	}
	return *req.Offboard
}

// farewell is the draft of an offboarding: it wins over everything else that is
// open for the account.
func (d *Desk) farewell(o order, s ledger.Situation, how events.Offboard) (ledger.Draft, error) {
	if err := mayLeave(o, s, how); err != nil {
		return ledger.Draft{}, err
	}
	acc := *s.Account
	rec := ledger.Record{Request: d.row(o), Account: acc}
	r := &rec.Request
	r.AccountID, r.UserPrincipalName, r.Profile = acc.ID, acc.UserPrincipalName, acc.Profile
	r.Steps = profile.Revocation(acc, how)
	rec.Account.State = account.AccountLeaving
	if acc.Hold.Active(o.now) {
		note(&rec, o, "hold.overridden", acc.Hold.Reason)
		rec.Account.Hold = account.Hold{}
	}
	if acc.Federation.Holds && how.Force {
		note(&rec, o, "hold.overridden", "nobody looked whether a federated domain depends on the account")
	}
	forgetLife(&rec, o)
	d.begin(&rec, o)
	if len(r.Steps) == 0 {
		rec.Account.State, rec.Account.RevokedAt = account.AccountGone, o.now
		finish(&rec, o)
	}
	draft := ledger.Draft{Record: rec, Why: "overtaken by offboarding " + r.ID}
	for _, open := range s.Open {
		draft.Cancel = append(draft.Cancel, open.ID)
	}
	return draft, nil
}

// forgetLife ends the notices about an account's life, and what is remembered of them.
func forgetLife(rec *ledger.Record, o order) {
	for _, told := range rec.Account.Life.Told {
		rec.Clear = append(rec.Clear, ledger.Clearing{Key: ledger.LifeKey(rec.Account, told.Notice), At: o.now, By: o.actor})
	}
	rec.Account.Life.Told = nil
}

// mayLeave says why an account cannot be taken away now.
func mayLeave(o order, s ledger.Situation, how events.Offboard) error {
	if s.Account == nil {
		return fault.Stop(fault.AccountUnknown, unknown(o, s))
	}
	acc := *s.Account
	if o.tenant.Protects(acc.UserPrincipalName, acc.ObjectID) {
		return fault.Stopf(fault.AccountProtected, "%s is on the list of protected accounts of tenant %s", acc.UserPrincipalName, o.tenant.Alias)
	}
	for _, open := range s.Open {
		if open.Action == account.Offboard && open.Cancelled == "" {
			return already{open}
		}
	}
	if acc.Hold.Active(o.now) && !how.Force {
		return fault.Stopf(fault.AccountHeld, "%s is on hold: %s", acc.UserPrincipalName, acc.Hold.Reason)
	}
	return profile.CheckOffboard(acc, how)
}

func unknown(o order, s ledger.Situation) error {
	if s.Last != nil && !s.Last.RevokedAt.IsZero() {
		return fmt.Errorf("%s was taken away on %s", o.keys.UserPrincipalName, s.Last.RevokedAt.UTC().Format(time.DateOnly))
	}
	return fmt.Errorf("Usher manages no account %s in tenant %s", o.keys.UserPrincipalName, o.tenant.Alias)
}

// finish closes a request that has nothing to do.
func finish(rec *ledger.Record, o order) {
	note(rec, o, "request.succeeded", "there was nothing to do")
	step.Tell(rec, events.StatusSucceeded, o.tenant, "there was nothing to do", o.now)
}
