package simulation

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/tenantfake"
)

func retryable(err error) bool { return fault.ClassOf(err) != fault.Permanent }

// check holds the world against every promise.
func (s *story) check() {
	p := s.current()
	accounts, err := p.ledger.Accounts(s.ctx, ledger.Filter{Limit: -1})
	require.NoError(s, err)
	requests, err := p.ledger.Requests(s.ctx, ledger.Filter{Limit: -1})
	require.NoError(s, err)
	s.parked = map[string]bool{}
	for _, r := range requests {
		s.parked[r.ID] = account.StateOf(r) == account.Parked
	}
	s.everyTicketHasAnEnd(p, requests)
	s.everyAccountOfOursHasALiveRow(accounts)
	s.everyLiveRowHasItsAccount(accounts)
	s.everyAccountInTheDomainIsOnRecord(accounts)
	s.noAccountTwice()
	s.noRightOutsideTheLedger(accounts)
	s.nothingIsHeldOutsideTheLedger(accounts)
	s.nobodyOutlivesTheirEnd(accounts)
	s.passwordsSignIn(accounts)
	s.lostPasswordsAreWorthless(accounts)
	s.secretsAreNowhereElse()
	s.auditHolds(p)
	s.ticketsHeardInOrder(requests)
	assert.Empty(s, s.server.SchemaViolations())
}

func (s *story) everyTicketHasAnEnd(p *process, requests []account.Request) {
	known := map[string]bool{}
	for _, r := range requests {
		known[r.ID] = true
		if open(r) && account.StateOf(r) != account.Parked {
			assert.Fail(s, "request has no end", "%s is %s: %s", r.ID, account.StateOf(r), s.show(p, r))
		}
	}
	for id := range s.taken {
		assert.True(s, known[id], "request %s was accepted and is nowhere", id)
	}
	for _, function := range events.Functions() {
		assert.Zero(s, s.engines.left(function), "messages left on %s", function)
	}
}

// show is where each step of a request stands, and how it came there.
func (s *story) show(p *process, r account.Request) (text string) {
	for _, step := range r.Steps {
		text += fmt.Sprintf("\n  %s %s attempt %d failures %d next %s: %s %s", step.Name, step.State, step.Attempt, step.Failures, step.NextTry, step.FaultCode, step.Fault)
	}
	lines, err := p.ledger.Timeline(s.ctx, r.ID)
	require.NoError(s, err)
	for _, line := range lines {
		text += fmt.Sprintf("\n  %s %s %s: %s", line.At.Format("01-02T15:04:05"), line.Kind, line.Actor, line.Text)
	}
	return text
}

func (s *story) everyAccountOfOursHasALiveRow(accounts []account.Account) {
	for _, u := range s.ours(s.tenant.Users()) {
		found := slices.ContainsFunc(accounts, func(a account.Account) bool {
			return a.ObjectID == u.ID && account.StampOf(a.RequestID) == stampOf(u) && s.lives(a)
		})
		assert.True(s, found || s.stillLeaving(accounts, u), "%s (%s) is in the tenant without a live row", u.UserPrincipalName, u.ID)
	}
}

// lives reports whether an account is there to stay, or until a person decides about the
// request that was not finished with it.
func (s *story) lives(a account.Account) bool {
	return a.State == account.AccountActive || a.State == account.AccountPlanned && s.parked[a.RequestID]
}

// stillLeaving is an account whose revocation failed for good: it is on record, and a person was told.
func (s *story) stillLeaving(accounts []account.Account, u tenantfake.User) bool {
	return slices.ContainsFunc(accounts, func(a account.Account) bool {
		return a.State == account.AccountLeaving && account.StampOf(a.RequestID) == stampOf(u)
	})
}

func (s *story) everyLiveRowHasItsAccount(accounts []account.Account) {
	for _, a := range accounts {
		if a.State != account.AccountActive {
			continue
		}
		if a.AppID == "" {
			u, there := s.tenant.User(a.ObjectID)
			assert.True(s, there && u.AccountEnabled, "%s is active in the ledger, and not in the tenant or disabled", a.UserPrincipalName)
		}
		for _, g := range a.Grants {
			if g.Kind == account.Exclusion && g.State == account.GrantTaken {
				continue // the policy caught the account no more
			}
			assert.Equal(s, account.GrantGiven, g.State, "%s is active without %s", a.UserPrincipalName, g.Name)
			assert.True(s, s.holds(a, g), "%s is said to hold %s", a.UserPrincipalName, g.Name)
		}
	}
}

func (s *story) holds(a account.Account, g account.Grant) bool {
	switch g.Kind {
	case account.DirectoryRole:
		return slices.Contains(s.tenant.RolesOf(a.ObjectID), g.Name)
	case account.RoleGroup:
		return slices.Contains(s.tenant.RoleGroupMembers(g.Target), a.ObjectID)
	case account.ConsentPolicySetting:
		return s.tenant.ConsentPolicy().Enabled
	case account.TargetUsers:
		return s.aimed(a)
	case account.Exclusion:
		return slices.ContainsFunc(s.tenant.ConditionalAccess(), func(p tenantfake.ConditionalAccessPolicy) bool {
			return p.ID == g.Target && slices.Contains(p.ExcludeUsers, a.ObjectID)
		})
	}
	return s.consented(g)
}

// consented reports whether an application is known, or has a permission for everybody.
func (s *story) consented(g account.Grant) bool {
	appID, right, ok := g.Kind.ParseTarget(g.Target)
	if !ok {
		appID = g.Target
	}
	for _, app := range s.tenant.Apps() {
		if app.ClientID != appID {
			continue
		}
		forAll := func(d tenantfake.DelegatedGrant) bool {
			return d.ClientID == app.ObjectID && d.PrincipalID == "" && slices.Contains(strings.Fields(d.Scope), right.Name)
		}
		return g.Kind == account.Application || slices.Contains(slices.Concat(app.Graph, app.Exchange), right.Name) ||
			right.Delegated && slices.ContainsFunc(s.tenant.DelegatedGrants(), forAll)
	}
	return false
}

func stampOf(u tenantfake.User) string { return u.ExtensionAttributes["extensionAttribute15"] }

func (s *story) ours(users []tenantfake.User) (list []tenantfake.User) {
	for _, u := range users {
		if strings.HasPrefix(stampOf(u), account.StampPrefix) {
			list = append(list, u)
		}
	}
	return list
}

func (s *story) noAccountTwice() {
	seen := map[string]string{}
	for _, u := range s.ours(append(s.tenant.Users(), s.tenant.DeletedUsers()...)) {
		assert.Empty(s, seen[stampOf(u)], "two accounts for %s", stampOf(u))
		seen[stampOf(u)] = u.ID
	}
}

// noRightOutsideTheLedger: whoever holds a right held it before, or the ledger says so.
func (s *story) noRightOutsideTheLedger(accounts []account.Account) {
	byID := map[string]account.Account{}
	for _, a := range accounts {
		if s.lives(a) || a.State == account.AccountLeaving {
			byID[a.ObjectID] = a
		}
	}
	for _, u := range s.tenant.Users() {
		for _, role := range s.tenant.RolesOf(u.ID) {
			if slices.Contains(s.before[u.UserPrincipalName], role) || strings.HasPrefix(u.UserPrincipalName, "breakglass") {
				continue
			}
			assert.True(s, hasGrant(byID[u.ID], account.DirectoryRole, role), "%s holds %s outside the ledger", u.UserPrincipalName, role)
		}
	}
	for name, roles := range s.before {
		for _, role := range roles {
			assert.Contains(s, s.tenant.RolesOf(name), role, "a right that was there before is gone")
		}
	}
	for _, group := range s.tenant.RoleGroupNames() {
		for _, member := range s.tenant.RoleGroupMembers(group) {
			assert.True(s, hasGrant(byID[member], account.RoleGroup, group), "%s is in %s outside the ledger", member, group)
		}
	}
}

func hasGrant(a account.Account, kind account.GrantKind, name string) bool {
	return slices.ContainsFunc(a.Grants, func(g account.Grant) bool {
		return g.Kind == kind && g.Name == name && g.State != account.GrantTaken
	})
}

// disk is every row of every table as text.
func (s *story) disk() (dump string) {
	require.NoError(s, s.db.Read(s.ctx, func(ctx context.Context, tx *sql.Tx) error {
		names, err := column(ctx, tx, "SELECT name FROM sqlite_master WHERE type = 'table'")
		for _, name := range names {
			var columns, rows []string
			if columns, err = column(ctx, tx, "SELECT name FROM pragma_table_info('"+name+"')"); err != nil {
				return err
			}
			for i, c := range columns {
				columns[i] = `coalesce(CAST("` + c + `" AS TEXT), '')`
			}
			if rows, err = column(ctx, tx, `SELECT `+strings.Join(columns, " || ' ' || ")+` FROM "`+name+`"`); err != nil {
				return err
			}
			dump += name + "\n" + strings.Join(rows, "\n") + "\n"
		}
		return err
	}))
	require.Contains(s, dump, domain, "the dump shows the rows")
	return dump
}

func column(ctx context.Context, tx *sql.Tx, query string) (values []string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

func (s *story) auditHolds(p *process) {
	lines, _, err := p.ledger.Verify(s.ctx, tenantfake.DefaultTenantID)
	assert.NoError(s, err)
	assert.Positive(s, lines)
}

// ticketsHeardInOrder: each ticket heard its events in order, none left out, the last of a finished request its end.
func (s *story) ticketsHeardInOrder(requests []account.Request) {
	heard := map[string][]events.StatusData{}
	for _, status := range s.told {
		heard[status.Data.RequestID] = append(heard[status.Data.RequestID], status.Data)
	}
	for _, r := range requests {
		next := 1
		for _, data := range heard[r.ID] {
			assert.LessOrEqual(s, data.Sequence, next, "%s heard %d before %d", r.ID, data.Sequence, next)
			next = max(next, data.Sequence+1)
		}
		assert.Equal(s, r.Notices, next-1, "%s did not hear everything", r.ID)
	}
}
