package lifetime

import (
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
)

// Extension is what somebody wants to change about an account's life.
type Extension = account.Extension

// Extend gives the new terms of an account. needs are the policy's decision about the
// account's rights from now to the new end: what they say about the end is checked here;
// that their approvers have agreed to it, and who asks, is for the caller. An error is a
// permanent fault that names everything that is wrong.
func Extend(s Situation, x Extension, needs policy.Needs, now time.Time) (Terms, error) {
	if s.State == account.AccountLeaving || s.State == account.AccountGone {
		return s.Terms, fault.Stopf(fault.RequestInvalid, "the account is %s: 'usher undo' brings it back first", s.State)
	}
	var bad []error
	refuse := func(format string, args ...any) {
		bad = append(bad, fault.Stopf(fault.RequestInvalid, format, args...))
	}
	if !s.Record.OwnerGone.IsZero() {
		refuse("the owner %s is gone from the tenant since %s: name another one first", s.Record.Owner, dayOf(s.Record.OwnerGone))
	}
	if x == (Extension{}) {
		refuse("say until when, or when to review")
	}
	t := s.Terms
	switch {
	case x.Forever && !x.Until.IsZero():
		refuse("an account cannot live until %s and for ever", dayOf(x.Until))
	case x.Forever:
		t.Expires = time.Time{}
	case !x.Until.IsZero():
		t.Expires = x.Until.UTC()
	}
	bad = append(bad, longer(s.Terms, t, x, now), allowed(t, x, needs, now))
	if !x.Review.IsZero() {
		t.Review = x.Review.UTC()
	}
	bad = append(bad, t.checkChange(x, now))
	if err := errors.Join(bad...); err != nil {
		return s.Terms, err
	}
	return t, nil
}

// longer refuses an end that is no later than the one that holds.
func longer(was, t Terms, x Extension, now time.Time) error {
	switch {
	case x.Until.IsZero() && !x.Forever:
		return nil
	case was.Expires.IsZero():
		return fault.Stopf(fault.RequestInvalid, "the account has no end that could be later; to end it use 'usher revoke'")
	case !x.Until.IsZero() && t.Expires.After(now) && !t.Expires.After(was.Expires):
		return fault.Stopf(fault.RequestInvalid, "%s is no later than the end that holds, %s; to end it earlier use 'usher revoke'", date(t.Expires), date(was.Expires))
	}
	return nil
}

// allowed keeps the end inside what the policy asks for.
func allowed(t Terms, x Extension, needs policy.Needs, now time.Time) error {
	if x.Until.IsZero() && !x.Forever {
		return nil
	}
	latest := t.begins(now).AddDate(0, 0, needs.MaxDays)
	switch {
	case needs.EndDate && t.Expires.IsZero():
		return fault.Stopf(fault.RequestInvalid, "the policy asks for an end date")
	case needs.MaxDays > 0 && t.Expires.After(latest):
		return fault.Stopf(fault.RequestInvalid, "the policy allows %d days at a time: %s at the latest", needs.MaxDays, dayOf(latest))
	}
	return nil
}

// checkChange checks the dates that are new; an old one may have passed.
func (t Terms) checkChange(x Extension, now time.Time) error {
	if x.Until.IsZero() && !x.Review.IsZero() && t.Expired(now) {
		return fault.Stopf(fault.RequestInvalid, "the account expired on %s: say until when, too", dayOf(t.Expires))
	}
	if x.Until.IsZero() && x.Review.IsZero() {
		return nil
	}
	if x.Review.IsZero() {
		t.Review = time.Time{}
	}
	return t.check(t.begins(now), now)
}
