// Package lifetime knows when an account's life begins and ends, who is told before
// that, what happens at the end, who may make it longer, and what becomes of an account
// whose owner is gone. All of it is pure. The intended use:
//
//   - intake turns a request into Terms with Of, and waits for Terms.Delay;
//   - the nightly sync looks for every owner in the tenant, and calls Assess for every
//     account. It carries out the actions and keeps the new Record with the account in
//     one transaction, so that a notice goes out once;
//   - 'usher extend' decides the policy's needs anew, from now to the new end, gets the
//     approvals that they ask for, and calls Extend.
package lifetime

import (
	"errors"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const day = 24 * time.Hour

// Terms are the dates of an account's life, in UTC. A zero time means that there is no
// such date.
type Terms struct {
	// Starts is when the account is to be made; zero for at once.
	Starts time.Time `json:"starts,omitzero"`
	// Expires ends the account's life.
	Expires time.Time `json:"expires,omitzero"`
	// Review is when the owner is asked whether the account is still needed.
	Review time.Time `json:"review,omitzero"`
}

// TermsOf are the dates on an account's row.
func TermsOf(a account.Account) Terms {
	return Terms{Starts: a.Life.StartsAt, Expires: a.ExpiresAt, Review: a.Life.ReviewAt}
}

// Write puts the dates on an account's row.
func (t Terms) Write(a *account.Account) {
	a.Life.StartsAt, a.ExpiresAt, a.Life.ReviewAt = t.Starts, t.Expires, t.Review
}

// SituationOf is an account as it is judged, but for the look for its owner.
func SituationOf(a account.Account) Situation {
	return Situation{Terms: TermsOf(a), GraceDays: a.Life.GraceDays, State: a.State, Hold: a.Hold, Owner: a.Owner, Record: a.Life}
}

// Defaults are what a profile says about the lives of its accounts. Zero means none.
type Defaults struct {
	// Days is how long an account lives after its start.
	Days int
	// ReviewDays is how long after its start an account is reviewed.
	ReviewDays int
}

// Of gives the terms of a request. Its dates win over the profile's days. An error is a
// permanent fault that names every field at fault.
func Of(asked events.Lifetime, d Defaults, now time.Time) (Terms, error) {
	t := Terms{Expires: asked.ExpiresAt.UTC(), Review: asked.ReviewAt.UTC()}
	begins := now.UTC()
	if asked.StartsAt.After(now) {
		t.Starts = asked.StartsAt.UTC()
		begins = t.Starts
	}
	if t.Expires.IsZero() && d.Days > 0 {
		t.Expires = begins.AddDate(0, 0, d.Days)
	}
	if review := begins.AddDate(0, 0, d.ReviewDays); t.Review.IsZero() && d.ReviewDays > 0 &&
		(t.Expires.IsZero() || review.Before(t.Expires)) {
		t.Review = review
	}
	return t, t.check(begins, now)
}

// check says everything that is wrong with dates somebody asks for.
func (t Terms) check(begins, now time.Time) error {
	var bad []error
	switch {
	case t.Expires.IsZero():
	case !t.Expires.After(now):
		bad = append(bad, fault.Stopf(fault.RequestExpired, "lifetime.expiresAt %s has passed", date(t.Expires)))
	case !t.Expires.After(begins):
		bad = append(bad, fault.Stopf(fault.RequestInvalid, "lifetime.expiresAt %s is not after lifetime.startsAt %s", date(t.Expires), date(begins)))
	}
	switch {
	case t.Review.IsZero():
	case !t.Review.After(now):
		bad = append(bad, fault.Stopf(fault.RequestInvalid, "lifetime.reviewAt %s has passed", date(t.Review)))
	case !t.Review.After(begins):
		bad = append(bad, fault.Stopf(fault.RequestInvalid, "lifetime.reviewAt %s is not after lifetime.startsAt %s", date(t.Review), date(begins)))
	case !t.Expires.IsZero() && !t.Review.Before(t.Expires):
		bad = append(bad, fault.Stopf(fault.RequestInvalid, "lifetime.reviewAt %s is not before lifetime.expiresAt %s", date(t.Review), date(t.Expires)))
	}
	return errors.Join(bad...)
}

// Delay is how long the first step has to wait; zero when the life has begun.
func (t Terms) Delay(now time.Time) time.Duration { return max(0, t.begins(now).Sub(now)) }

// begins is when the life begins, seen from now: never in the past.
func (t Terms) begins(now time.Time) time.Time {
	if t.Starts.After(now) {
		return t.Starts
	}
	return now.UTC()
}

// Expired reports whether the life is over.
func (t Terms) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
