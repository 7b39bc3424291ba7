package intake

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/step"
)

// Extend makes an account's life longer because a person, by, said so. What the account
// holds is put to the policy anew, from now to the new end: where that takes approvals the
// request is parked, else the dates are changed at once. It gives that request.
func (d *Desk) Extend(ctx context.Context, acc account.Account, by, reason string, x account.Extension) (account.Request, error) {
	o, err := d.orderBy(by, account.Extend, acc.Tenant, acc.UserPrincipalName, account.Ticket{System: "usher", ID: acc.ID})
	if err != nil {
		return account.Request{}, err
	}
	if strings.TrimSpace(reason) == "" {
		return account.Request{}, fault.Stopf(fault.RequestInvalid, "say why the account is needed longer")
	}
	o.req.Reason = reason
	o.req.Lifetime = events.Lifetime{ExpiresAt: x.Until, ReviewAt: x.Review}
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if s.Account == nil || s.Account.ID != acc.ID {
			return ledger.Draft{}, fault.Stop(fault.AccountUnknown, unknown(o, s))
		}
		for _, open := range s.Open {
			if open.Action != account.Extend {
				continue
			}
			if open.Extends == x {
				return ledger.Draft{}, already{open}
			}
			return ledger.Draft{}, fault.Stopf(fault.RequestInvalid, "request %s would change its dates and waits for approval: settle that first", open.ID)
		}
		return d.longer(o, *s.Account, x)
	})
	return verdict.Request, err
}

// longer is the draft of an extension.
func (d *Desk) longer(o order, acc account.Account, x account.Extension) (ledger.Draft, error) {
	rec := ledger.Record{Request: d.row(o), Account: acc}
	r := &rec.Request
	r.AccountID, r.UserPrincipalName, r.Profile, r.Extends = acc.ID, acc.UserPrincipalName, acc.Profile, x
	terms, err := d.termsAfter(o, *r, acc)
	if err != nil {
		return ledger.Draft{}, err
	}
	if r.Steps = profile.Prolongation(acc, terms.Expires); len(r.Steps) > 0 && terms.Expires.IsZero() {
		return ledger.Draft{}, fault.Stopf(fault.RequestInvalid, "%s holds roles that Privileged Identity Management ends: give a date", acc.UserPrincipalName)
	}
	if q := extended(acc, x, o.now); x.Forever || !x.Until.IsZero() {
		if err := d.ask(&rec, o, q); err != nil {
			return ledger.Draft{}, err
		}
	}
	rec.Account = acc // nothing is given anew, so nothing is to be heard of
	d.begin(&rec, o)
	if err := d.prolong(&rec, o); err != nil {
		return ledger.Draft{}, err
	}
	return ledger.Draft{Record: rec}, nil
}

// extended is what the policy is asked about: all that the account holds, from now on.
func extended(acc account.Account, x account.Extension, now time.Time) account.Question {
	q := account.Question{Owner: acc.Owner, Begins: now, Ends: x.Until}
	if acc.Life.StartsAt.After(now) {
		q.Begins = acc.Life.StartsAt
	}
	if !x.Forever && x.Until.IsZero() {
		q.Ends = acc.ExpiresAt
	}
	for _, g := range acc.Grants {
		if g.State != account.GrantTaken {
			q.Grants = append(q.Grants, g)
		}
	}
	return q
}

// termsAfter gives the dates after an extension, or says why they cannot be.
func (d *Desk) termsAfter(o order, r account.Request, acc account.Account) (lifetime.Terms, error) {
	needs := d.Policy.Decide(d.facts(o.tenant, r.Profile, extended(acc, r.Extends, o.now))).Needs
	return lifetime.Extend(lifetime.SituationOf(acc), r.Extends, needs, o.now)
}

// prolong changes the dates of an account when nobody has to agree to it any more, and
// ends the notices about the dates that were. The steps, if any, move the ends of roles. It does nothing for other requests.
func (d *Desk) prolong(rec *ledger.Record, o order) error {
	if rec.Request.Action != account.Extend || rec.Request.AwaitsPerson() {
		return nil
	}
	terms, err := d.termsAfter(o, rec.Request, rec.Account)
	if err != nil {
		return err
	}
	terms.Write(&rec.Account)
	life := &rec.Account.Life
	dates := []time.Time{terms.Expires, terms.Review, life.OwnerGone}
	life.Told = slices.DeleteFunc(slices.Clone(life.Told), func(told account.LifeNotice) bool {
		over := !slices.ContainsFunc(dates, told.For.Equal)
		if over {
			rec.Clear = append(rec.Clear, ledger.Clearing{Key: ledger.LifeKey(rec.Account, told.Notice), At: o.now, By: o.actor})
		}
		return over
	})
	text := "lives until " + dateOr(terms.Expires, "further notice") + ", review " + dateOr(terms.Review, "never")
	note(rec, o, "lifetime.extended", text+": "+rec.Request.Reason)
	if rec.Request.Next() == nil { // else the last step tells of the end
		step.Tell(rec, events.StatusSucceeded, o.tenant, text, o.now)
	}
	return nil
}

func dateOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.DateOnly)
}
