package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

// nothingIsHeldOutsideTheLedger: whatever the tenant holds was there before, or is on the
// row of an account that is not gone; and what was there before is there still.
func (s *story) nothingIsHeldOutsideTheLedger(accounts []account.Account) {
	known := map[string]bool{}
	for _, line := range s.first {
		known[line] = true
	}
	for _, a := range accounts {
		if a.State != account.AccountGone {
			for _, line := range s.linesOf(a) {
				known[line] = true
			}
		}
	}
	held := s.tenant.Holdings()
	for _, line := range held {
		assert.True(s, known[line], "held outside the ledger: %s", line)
	}
	for _, line := range s.first {
		assert.Contains(s, held, line, "it was there before and is gone")
	}
}

// linesOf is what an account holds by its row, as the tenant lists it.
func (s *story) linesOf(a account.Account) []string {
	lines := []string{fmt.Sprintf("account %s (%s)", a.UserPrincipalName, a.ObjectID)}
	for _, g := range a.Grants {
		switch {
		case g.State == account.GrantTaken:
		case g.Kind == account.DirectoryRole:
			lines = append(lines, fmt.Sprintf("role %s of %s", g.Target, a.ObjectID))
		case g.Kind == account.RoleGroup:
			lines = append(lines, fmt.Sprintf("member %s of %s", a.ObjectID, g.Target))
		case g.Kind == account.Exclusion:
			lines = append(lines, fmt.Sprintf("exclusion of %s from %s", a.ObjectID, g.Name))
		default:
			lines = append(lines, s.linesOfApp(a, g)...)
		}
	}
	return lines
}

// linesOfApp is what an application holds by one grant of a connection's row.
func (s *story) linesOfApp(a account.Account, g account.Grant) (lines []string) {
	app, there := s.app(a.AppID)
	if !there {
		return nil
	}
	switch _, right, _ := g.Kind.ParseTarget(g.Target); g.Kind {
	case account.Application:
		for _, chosen := range []bool{false, true} {
			if a.State != account.AccountActive || chosen == (a.Targets.Mode == account.TargetsChosen) {
				lines = append(lines, fmt.Sprintf("application %s (%s), for assigned users only: %v", app.DisplayName, app.ObjectID, chosen))
			}
		}
	case account.AppRole:
		lines = append(lines, fmt.Sprintf("permission %s of %s", right.Name, app.DisplayName))
	case account.Scope:
		lines = append(lines, fmt.Sprintf("delegated permission %s of %s for %q", right.Name, app.ObjectID, ""))
	case account.TargetUsers:
		for _, m := range a.Targets.Members {
			lines = append(lines, fmt.Sprintf("assignment of %s to %s", m.ObjectID, app.ObjectID))
		}
	}
	return lines
}

func (s *story) app(clientID string) (tenantfake.App, bool) {
	apps := s.tenant.Apps()
	i := slices.IndexFunc(apps, func(a tenantfake.App) bool { return a.ClientID == clientID })
	if i < 0 {
		return tenantfake.App{}, false
	}
	return apps[i], true
}

// aimed reports whether exactly the users of a connection are assigned to its application.
func (s *story) aimed(a account.Account) bool {
	app, there := s.app(a.AppID)
	var assigned, chosen []string
	for _, one := range s.tenant.Assigned() {
		if one.ResourceID == app.ObjectID {
			assigned = append(assigned, one.UserID)
		}
	}
	for _, u := range s.tenant.Users() {
		named := slices.ContainsFunc(a.Targets.Users, func(t account.TargetUser) bool { return t.ObjectID == u.ID })
		if named || slices.ContainsFunc(a.Targets.Groups, func(g account.Group) bool { return slices.Contains(u.Groups, g.ObjectID) }) {
			chosen = append(chosen, u.ID)
		}
	}
	slices.Sort(assigned)
	slices.Sort(chosen)
	return there && slices.Equal(chosen, assigned) && s.tenant.AssignmentRequired(a.AppID) == (a.Targets.Mode == account.TargetsChosen)
}

// nobodyOutlivesTheirEnd: an account whose end was a night ago is gone, or going, or held.
func (s *story) nobodyOutlivesTheirEnd(accounts []account.Account) {
	now := time.Now()
	for _, a := range accounts {
		if s.lives(a) && !a.ExpiresAt.IsZero() && a.ExpiresAt.Before(now.Add(-30*time.Hour)) {
			assert.NotEmpty(s, a.HeldBy(now).Reason, "%s expired on %s", a.UserPrincipalName, a.ExpiresAt)
		}
	}
}
