package lifetime

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// noticeDays are how many days before the end the owner is told, the nearest first.
var noticeDays = []int{3, 14}

// OwnerGraceDays is how long an account goes on after its owner was found gone. It is
// as long as Entra keeps a deleted user (Microsoft Entra: restore a deleted user), so an
// owner who was deleted by mistake can be back in time.
const OwnerGraceDays = 30

// Presence is what tonight's look for the owner has shown.
type Presence int

const (
	// Unknown is an owner who was not looked for, or a look that failed.
	Unknown Presence = iota
	// There is an owner who has an account in the tenant that may sign in.
	There
	// Absent is an owner of whom the tenant shows no such account.
	Absent
)

// Situation is all that an account is judged by.
type Situation struct {
	Terms Terms
	// GraceDays is how long the profile leaves an expired account disabled before it is
	// deleted. Zero deletes it at once.
	GraceDays int
	State     account.AccountState
	Hold      account.Hold
	Owner     account.Owner
	// Seen is whether the owner's mail address or name leads to an account tonight.
	Seen   Presence
	Record Record
}

// Record is what is remembered of an account from one night to the next: of a Life, all
// but the dates, which are the Terms.
type Record = account.Life

// Told is a notice that went out.
type Told = account.LifeNotice

// Notice is what somebody is told, once for each date.
type Notice = account.LifeNoticeKind

// The notices. They are event kinds of the audit log too.
const (
	// ExpiryNear and ExpiryClose come 14 and 3 days before the end.
	ExpiryNear  Notice = "expiry.near"
	ExpiryClose Notice = "expiry.close"
	// ExpiryHeld says that the end has come and a hold keeps the account alive.
	ExpiryHeld Notice = "expiry.held"
	ReviewDue  Notice = "review.due"
	OwnerGone  Notice = "owner.gone"
	OwnerBack  Notice = "owner.back"
	// OwnerHeld says that the account of an owner who is gone would be disabled, but for a hold.
	OwnerHeld Notice = "owner.held"
)

// Audience is who is told.
type Audience string

const (
	// ToOwner is the account's owner.
	ToOwner Audience = "owner"
	// ToOperators are the people who run Usher: for an account that nobody answers for.
	ToOperators Audience = "operators"
)

// Action is something to do now: tell somebody (Notice is set), or take the account away.
type Action struct {
	Notice   Notice
	Audience Audience
	// Offboard says how the account goes. Nil for a notice.
	Offboard *events.Offboard
	// Text says why, for the notice, the ticket and the audit log.
	Text string
}

// Flag is a state that stays on the nightly report until somebody ends it.
type Flag string

// The flags.
const (
	FlagExpired   Flag = "account.expired"
	FlagReview    Flag = "review.overdue"
	FlagOwnerGone Flag = "owner.gone"
	FlagOwnerless Flag = "owner.missing"
)

// Verdict is what tonight asks for.
type Verdict struct {
	Actions []Action
	Flags   []Flag
	// Record is what to remember once the actions are carried out.
	Record Record
}

// Assess says what is due for an account. Calling it again with the verdict's record
// gives no notice a second time; taking away is asked for until the account is leaving.
// An account that is leaving or gone is left alone, and so is one that has not begun.
func Assess(s Situation, now time.Time) Verdict {
	a := assessment{Situation: s, now: now, verdict: Verdict{Record: s.Record}}
	a.verdict.Record.Told = slices.Clone(s.Record.Told)
	if s.State == account.AccountLeaving || s.State == account.AccountGone || s.Terms.Starts.After(now) {
		return a.verdict
	}
	a.owner()
	if a.Terms.Expired(now) {
		a.expire()
	} else {
		a.expiryNotice()
		a.review()
		a.orphan()
	}
	a.forget()
	return a.verdict
}

type assessment struct {
	Situation
	now     time.Time
	verdict Verdict
}

// owner notes whether the owner is there.
func (a *assessment) owner() {
	r := &a.verdict.Record
	if address := strings.ToLower(a.Owner.Email); address != r.Owner {
		r.Owner, r.OwnerSeen, r.OwnerGone = address, false, time.Time{}
	}
	switch {
	case r.Owner == "":
		a.flag(FlagOwnerless)
	case a.Seen == There:
		if !r.OwnerGone.IsZero() {
			a.tell(OwnerBack, r.OwnerGone, "the owner %s is back in the tenant", r.Owner)
		}
		r.OwnerSeen, r.OwnerGone = true, time.Time{}
	case a.Seen == Absent && r.OwnerSeen && r.OwnerGone.IsZero():
		r.OwnerGone = a.now.UTC()
		a.tell(OwnerGone, r.OwnerGone, "the owner %s is gone from the tenant: name another one, or the account is disabled on %s",
			r.Owner, dayOf(a.graceEnd()))
	}
	if a.orphaned() {
		a.flag(FlagOwnerGone)
	}
}

func (a *assessment) orphaned() bool { return !a.verdict.Record.OwnerGone.IsZero() }

func (a *assessment) graceEnd() time.Time {
	return a.verdict.Record.OwnerGone.Add(OwnerGraceDays * day)
}

// orphan disables an account that nobody answered for during the grace. The owner must
// be found absent tonight too.
func (a *assessment) orphan() {
	if !a.orphaned() || a.Seen != Absent || a.now.Before(a.graceEnd()) {
		return
	}
	gone := a.verdict.Record.OwnerGone
	if a.Hold.Active(a.now) {
		a.tell(OwnerHeld, gone, "the owner is gone since %s; the account is not disabled because of a hold: %s", dayOf(gone), a.Hold.Reason)
		return
	}
	a.takeAway(events.Offboard{Mode: "disable"}, "the owner %s is gone since %s, and nobody took over", a.verdict.Record.Owner, dayOf(gone))
}

// expire takes the account away. Nobody is there to object to the deletion of an
// account whose owner is gone, so that one is only disabled.
func (a *assessment) expire() {
	end := a.Terms.Expires
	a.flag(FlagExpired)
	switch {
	case a.Hold.Active(a.now):
		a.tell(ExpiryHeld, end, "the account expired on %s and is kept by a hold: %s", dayOf(end), a.Hold.Reason)
	case a.orphaned():
		a.takeAway(events.Offboard{Mode: "disable"}, "the account expired on %s; it is only disabled, because its owner is gone", dayOf(end))
	default:
		a.takeAway(events.Offboard{GraceDays: a.GraceDays}, "the account expired on %s", dayOf(end))
	}
}

// expiryNotice gives the nearest notice that is due. The farther ones count as given:
// after a week without a sync nobody is told twice.
func (a *assessment) expiryNotice() {
	left := a.Terms.Expires.Sub(a.now)
	i := slices.IndexFunc(noticeDays, func(days int) bool { return left <= time.Duration(days)*day })
	if a.Terms.Expires.IsZero() || i < 0 {
		return
	}
	names := []Notice{ExpiryClose, ExpiryNear}
	a.tell(names[i], a.Terms.Expires, "the account expires on %s, in %s: 'usher extend' makes it longer", dayOf(a.Terms.Expires), inDays(left))
	for _, farther := range names[i+1:] {
		a.remember(farther, a.Terms.Expires)
	}
}

func (a *assessment) review() {
	if due := a.Terms.Review; !due.IsZero() && !a.now.Before(due) {
		a.flag(FlagReview)
		a.tell(ReviewDue, due, "the account was to be reviewed on %s: is it still needed, with these rights?", dayOf(due))
	}
}

func (a *assessment) flag(f Flag) { a.verdict.Flags = append(a.verdict.Flags, f) }

// tell gives a notice unless it was given for this date.
func (a *assessment) tell(n Notice, about time.Time, format string, args ...any) {
	if !a.remember(n, about) {
		return
	}
	to := ToOwner
	if a.orphaned() || a.verdict.Record.Owner == "" || n == OwnerBack {
		to = ToOperators
	}
	a.verdict.Actions = append(a.verdict.Actions, Action{Notice: n, Audience: to, Text: fmt.Sprintf(format, args...)})
}

// remember reports whether a notice is new for its date.
func (a *assessment) remember(n Notice, about time.Time) bool {
	r := &a.verdict.Record
	if slices.ContainsFunc(r.Told, func(t Told) bool { return t.Notice == n && t.For.Equal(about) }) {
		return false
	}
	r.Told = append(r.Told, Told{Notice: n, For: about.UTC()})
	return true
}

// forget drops what was told about dates that are over, so that a record stays short.
func (a *assessment) forget() {
	r := &a.verdict.Record
	current := []time.Time{a.Terms.Expires, a.Terms.Review, r.OwnerGone}
	r.Told = slices.DeleteFunc(r.Told, func(t Told) bool {
		return !slices.ContainsFunc(current, t.For.Equal)
	})
}

func (a *assessment) takeAway(how events.Offboard, format string, args ...any) {
	a.verdict.Actions = append(a.verdict.Actions, Action{Offboard: &how, Text: fmt.Sprintf(format, args...)})
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// inDays rounds up: on the last day there is one day left.
func inDays(left time.Duration) string {
	if days := int((left + day - 1) / day); days != 1 {
		return fmt.Sprintf("%d days", days)
	}
	return "1 day"
}
