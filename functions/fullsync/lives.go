package fullsync

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/lifetime"
	"github.com/usher365/usher/shared/step"
)

// ownersOf are the addresses of those who answer for accounts, in lower case: many
// accounts share one.
func ownersOf(accounts []account.Account) map[string]bool {
	owners := map[string]bool{}
	for _, a := range accounts {
		if a.Owner.Email != "" && a.State == account.AccountActive {
			owners[strings.ToLower(a.Owner.Email)] = true
		}
	}
	return owners
}

// owner notes whether a user of the tenant answers for an account of ours, by user
// principal name or mail address.
func (l *look) owner(u account.User) {
	for _, name := range []string{strings.ToLower(u.UserPrincipalName), strings.ToLower(u.Mail)} {
		if l.owned[name] && l.Seen.Owners[name] != lifetime.There {
			l.Seen.Owners[name] = presenceOf(u)
		}
	}
}

// presenceOf takes an owner who may not sign in for absent.
func presenceOf(u account.User) lifetime.Presence {
	if u.Enabled {
		return lifetime.There
	}
	return lifetime.Absent
}

// owners asks for each owner the list did not have by name, once. A look that fails says
// nothing about the owner, and does not fail the sync.
func (l *look) owners(ctx context.Context) error {
	for address := range l.owned {
		if _, seen := l.Seen.Owners[address]; seen {
			continue
		}
		user, err := l.directory.User(ctx, l.task.Tenant.ID, address)
		switch {
		case err == nil:
			l.Seen.Owners[address] = presenceOf(user)
		case fault.Is(err, fault.UserNotFound):
			l.Seen.Owners[address] = lifetime.Absent
		default:
			l.Seen.Owners[address] = lifetime.Unknown
		}
		if !l.timeLeft() {
			return errLater
		}
	}
	return nil
}

// lives judges the life of every account: it tells who is to be told, once, and starts
// the offboarding of those whose time is over, unless the brake holds. Then nobody is
// taken for gone either: who cannot be seen may be there.
func (h *Handler) lives(ctx context.Context, t step.Task[events.FullSyncArgs], accounts []account.Account, p *place, run *ledger.SyncRun) error {
	for _, a := range accounts {
		if a.TriedAt.After(p.StartedAt) || !begun(a, t.Now) {
			continue
		}
		seen := p.Seen.Owners[strings.ToLower(a.Owner.Email)]
		if run.Withheld != "" {
			seen = lifetime.Unknown
		}
		verdict := assess(a, seen, t.Now)
		run.Findings = append(run.Findings, flagged(a, verdict, t.Now)...)
		if !reflect.DeepEqual(verdict.Record, a.Life) {
			if err := h.remember(ctx, t, a, seen); err != nil {
				return fmt.Errorf("keep what is due for %s: %w", a.UserPrincipalName, err)
			}
		}
		if run.Withheld != "" {
			continue
		}
		if err := h.takeAway(ctx, a, verdict); err != nil {
			return fmt.Errorf("start the offboarding of %s: %w", a.UserPrincipalName, err)
		}
	}
	return nil
}

// begun reports whether an account has a life to judge. What a request gave before it
// came to a stop, or was parked, has none but its end.
func begun(a account.Account, now time.Time) bool {
	return a.State == account.AccountActive || a.State == account.AccountPlanned && lifetime.TermsOf(a).Expired(now)
}

func assess(a account.Account, seen lifetime.Presence, now time.Time) lifetime.Verdict {
	s := lifetime.SituationOf(a)
	s.Seen, s.Hold = seen, a.HeldBy(now)
	return lifetime.Assess(s, now)
}

// takeAway starts the offboarding that a verdict orders. One that is refused keeps no
// other account from its own: that the account has expired is on the report.
func (h *Handler) takeAway(ctx context.Context, a account.Account, v lifetime.Verdict) error {
	for _, action := range v.Actions {
		if action.Offboard == nil {
			continue
		}
		if err := h.desk.Expire(ctx, a, action.Text, *action.Offboard); err != nil && !fault.Is(err, fault.AccountHeld) && !fault.Is(err, fault.AccountProtected) {
			return err
		}
	}
	return nil
}

// remember judges the account as it is now, and keeps what is remembered of it together
// with the notices that go out.
func (h *Handler) remember(ctx context.Context, t step.Task[events.FullSyncArgs], a account.Account, seen lifetime.Presence) error {
	return h.books.Update(ctx, a.RequestID, func(rec *ledger.Record) error {
		if rec.Account.ID != a.ID || rec.Account.State != account.AccountActive {
			return nil
		}
		before := rec.Account
		verdict := assess(before, seen, t.Now)
		rec.Account.Life = verdict.Record
		for _, action := range verdict.Actions {
			if action.Offboard == nil && action.Notice != lifetime.OwnerBack {
				rec.Raise = append(rec.Raise, h.notice(t, before, action))
			}
		}
		rec.Clear = append(rec.Clear, over(before, verdict.Record, t.Now)...)
		return nil
	})
}

func (h *Handler) notice(t step.Task[events.FullSyncArgs], a account.Account, action lifetime.Action) ledger.Notice {
	n := ledger.Notice{
		Key: ledger.LifeKey(a, action.Notice), Tenant: a.Tenant, AccountID: a.ID, RequestID: a.RequestID, Kind: string(action.Notice),
		Text: a.UserPrincipalName + ": " + action.Text, Mail: h.Operators, By: events.FullSync, RaisedAt: t.Now,
	}
	if action.Audience == lifetime.ToOwner {
		n.Mail = []string{a.Owner.Email}
	}
	return n
}

// over are the notices that no longer hold: their date is another one now, the owner is
// back, or a nearer one took their place.
func over(was account.Account, now account.Life, at time.Time) (clear []ledger.Clearing) {
	told := func(l account.Life, kind lifetime.Notice) bool {
		return slices.ContainsFunc(l.Told, func(t lifetime.Told) bool { return t.Notice == kind })
	}
	for _, t := range was.Life.Told {
		nearer := t.Notice == lifetime.ExpiryNear && told(now, lifetime.ExpiryClose)
		if !slices.Contains(now.Told, t) || nearer {
			clear = append(clear, ledger.Clearing{Key: ledger.LifeKey(was, t.Notice), At: at, By: events.FullSync})
		}
	}
	return clear
}

// flagged are the findings that stay on the report until somebody ends them. That an
// active account has expired is told by Compare.
func flagged(a account.Account, v lifetime.Verdict, now time.Time) (findings []ledger.Finding) {
	c := comparison{account: a}
	if a.State == account.AccountPlanned {
		c.expiry(now)
	}
	for _, flag := range v.Flags {
		switch flag {
		case lifetime.FlagReview:
			c.add(ReviewOverdue, "", "was to be reviewed on "+a.Life.ReviewAt.Format(time.DateOnly))
		case lifetime.FlagOwnerGone:
			c.add(OwnerGone, "", "its owner "+v.Record.Owner+" is gone since "+v.Record.OwnerGone.Format(time.DateOnly))
		case lifetime.FlagOwnerless:
			c.add(OwnerMissing, "", "nobody answers for it")
		}
	}
	return c.findings
}
