package fullsync

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// The kinds of finding.
const (
	AccountMissing   = "account.missing"
	AccountDisabled  = "account.disabled"
	AccountExpired   = "account.expired"
	AccountStray     = "account.stray"
	AccountLeaving   = "account.leaving"
	AccountHalfMade  = "account.half-made"
	RoleMissing      = "role.missing"
	RoleForeign      = "role.foreign"
	RoleGroupMissing = "rolegroup.missing"
	CommandLost      = "command.lost"
	ReviewOverdue    = "review.overdue"
	OwnerGone        = "owner.gone"
	OwnerMissing     = "owner.missing"
)

// Compare lists every difference between what we promised and what the tenant
// shows. It is pure: nothing is repaired here, and removals only ever follow from expiry.
func Compare(managed []account.Account, seen Observed, now time.Time) (findings []ledger.Finding) {
	for _, a := range managed {
		c := comparison{account: a}
		user, found := seen.Users[a.ObjectID]
		if !found {
			c.add(AccountMissing, "", c.gone())
		} else {
			c.user(user)
			c.roles(seen.Roles[a.ObjectID], now)
			c.roleGroups(seen.Members)
			c.access(seen)
		}
		c.expiry(now)
		findings = append(findings, c.findings...)
	}
	for _, u := range seen.Strays {
		findings = append(findings, ledger.Finding{
			Kind: AccountStray, UserPrincipalName: u.UserPrincipalName, Target: u.ObjectID,
			Text: fmt.Sprintf("%s bears our stamp %s and is in no ledger row", u.UserPrincipalName, u.Stamp),
		})
	}
	return findings
}

// Unfinished lists the accounts whose onboarding, revocation or return failed for good, and
// which nobody works on: something of them may be in the tenant that nobody needs.
func Unfinished(accounts []account.Account, open []account.Request) (findings []ledger.Finding) {
	worked := map[string]bool{}
	for _, r := range open {
		worked[r.AccountID] = true
	}
	for _, a := range accounts {
		c := comparison{account: a}
		switch {
		case worked[a.ID]:
		case a.State == account.AccountLeaving:
			c.add(AccountLeaving, "", "was not taken away completely; replay the dead letter of its request, or revoke it again")
		case a.State == account.AccountPlanned && there(a):
			c.add(AccountHalfMade, "", "was left half made when its request failed; replay the dead letter, send a corrected request, or revoke it")
		}
		findings = append(findings, c.findings...)
	}
	return findings
}

// there reports whether a request had made or given anything.
func there(a account.Account) bool {
	return a.ObjectID != "" || slices.ContainsFunc(a.Grants, func(g account.Grant) bool { return g.State != account.GrantPlanned && g.State != account.GrantTaken })
}

type comparison struct {
	account  account.Account
	findings []ledger.Finding
}

func (c *comparison) add(kind, target, text string) {
	c.findings = append(c.findings, ledger.Finding{
		Kind: kind, AccountID: c.account.ID, UserPrincipalName: c.account.UserPrincipalName, Target: target,
		Text: c.account.UserPrincipalName + ": " + text,
	})
}

func (c *comparison) user(u account.User) {
	if !u.Enabled {
		c.add(AccountDisabled, "", c.blocked(u))
	}
	c.onPremises(u)
}

func (c *comparison) roles(held []account.RoleAssignment, now time.Time) {
	for _, g := range c.account.Grants {
		if g.Kind == account.DirectoryRole && g.State == account.GrantGiven && !g.Over(now) && !holds(held, g.Target) {
			c.add(RoleMissing, g.Target, "no longer holds "+g.Name)
		}
	}
	if c.account.Origin == account.Adopted {
		return // what else an adopted account holds is not our business
	}
	for _, r := range held {
		if g := c.account.Grant(account.DirectoryRole, r.RoleID); g == nil || g.State == account.GrantTaken {
			c.add(RoleForeign, r.RoleID, "holds the role "+r.RoleID+", which nobody asked for here")
		}
	}
}

func holds(held []account.RoleAssignment, role string) bool {
	for _, r := range held {
		if strings.EqualFold(r.RoleID, role) {
			return true
		}
	}
	return false
}

func (c *comparison) roleGroups(members map[string]map[string]bool) {
	for _, g := range c.account.Grants {
		if g.Kind == account.RoleGroup && g.State == account.GrantGiven && !members[g.Target][c.account.ObjectID] {
			c.add(RoleGroupMissing, g.Target, "is no longer a member of "+g.Name)
		}
	}
}

func (c *comparison) expiry(now time.Time) {
	if end := c.account.ExpiresAt; !end.IsZero() && !now.Before(end) {
		text := "expired on " + end.Format(time.DateOnly)
		if held := c.account.HeldBy(now); held.Active(now) {
			text += ", on hold: " + held.Reason
		}
		c.add(AccountExpired, "", text)
	}
}

// A sync that finds more than this gone, in number and in share, believes the
// reading wrong rather than the tenant (DESIGN: brakes).
const (
	brakeNumber = 10
	brakeShare  = 0.10
)

// brake says why removals are withheld, empty when they are not.
func brake(usersBefore, usersNow int, managed []account.Account, findings []ledger.Finding) string {
	missing := 0
	for _, f := range findings {
		if f.Kind == AccountMissing {
			missing++
		}
	}
	if tooMuch(missing, len(managed)) {
		return fmt.Sprintf("%d of %d accounts of ours are gone at once", missing, len(managed))
	}
	if gone := usersBefore - usersNow; tooMuch(gone, usersBefore) {
		return fmt.Sprintf("%d of %d users are gone since the last sync", gone, usersBefore)
	}
	return ""
}

func tooMuch(gone, of int) bool {
	return gone > brakeNumber && float64(gone) > brakeShare*float64(of)
}
