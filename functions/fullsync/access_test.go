package fullsync_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

const mfaForAll = "ca-1"

// world is what a tenant shows of Conditional Access. It counts what is asked.
type world struct {
	policies         []fitness.Policy
	groups           map[string][]string
	unread, noGroups error
	asked            bool
	lists, looks     int
	// slow is how long a look at the groups takes.
	slow time.Duration
}

// ConditionalAccess lists the policies.
func (w *world) ConditionalAccess(context.Context, account.TenantID) ([]fitness.Policy, error) {
	w.lists++
	return w.policies, w.unread
}

// GroupsOf lists the groups of an account.
func (w *world) GroupsOf(_ context.Context, _ account.TenantID, id string) ([]string, error) {
	w.looks++
	time.Sleep(w.slow)
	return w.groups[id], w.noGroups
}

// SignsIn is a product at which nobody can answer a second factor.
func (w *world) SignsIn(account.Account) (events.FitnessNeeds, bool) {
	return events.FitnessNeeds{Unattended: true}, w.asked
}

// mfa is a policy that asks everybody but some for a second factor.
func mfa(id string, excluded ...string) fitness.Policy {
	return fitness.Policy{ID: id, Name: "Policy " + id, State: fitness.Enabled, IncludeUsers: []string{"All"}, ExcludeUsers: excluded,
		IncludeApplications: []string{"All"}, Controls: []string{"mfa"}}
}

// excepted puts an account into tenant and ledger that is excluded from a policy.
func (b *bench) excepted(t *testing.T, name string, change func(*account.Account)) account.Account {
	t.Helper()
	return b.onboarded(t, name, func(a *account.Account) {
		a.Grants = append(a.Grants, account.Grant{Kind: account.Exclusion, Target: mfaForAll, Name: "Policy ca-1", State: account.GrantGiven, Ours: true})
		a.Fitness = account.Fitness{CheckedAt: now.Add(-24 * time.Hour)}
		change(a)
	})
}

// looks is a run that looks at Conditional Access.
func (b *bench) looks(t *testing.T, w *world) ledger.SyncRun {
	t.Helper()
	handler := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return b.task.Now })
	handler.Operators = []string{operators}
	handler.Conditional = &fullsync.Conditional{Policies: w, Products: w, Books: b.ledger}
	_, err := handler.Handle(t.Context(), b.task)
	require.NoError(t, err)
	runs, err := b.ledger.Runs(t.Context(), "tid", 1)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	return runs[0]
}

func (b *bench) notices(t *testing.T) []ledger.Notice {
	t.Helper()
	open, err := b.ledger.Notices(t.Context(), ledger.NoticeFilter{Tenant: "tid", Open: true, Limit: -1})
	require.NoError(t, err)
	return open
}

func TestAnExclusionThatSomebodyRemoved(t *testing.T) {
	b := setup(t)
	a := b.excepted(t, "one", nothing)
	w := &world{policies: []fitness.Policy{mfa(mfaForAll, a.ObjectID)}}
	assert.Empty(t, b.looks(t, w).Findings)
	assert.Empty(t, b.notices(t))

	w.policies = []fitness.Policy{mfa(mfaForAll)}
	for range 2 {
		run := b.looks(t, w)
		require.Equal(t, []string{fullsync.ExclusionMissing}, kinds(run.Findings))
		assert.Equal(t, mfaForAll, run.Findings[0].Target)
		assert.Contains(t, run.Findings[0].Text, `is no longer excluded from "Policy ca-1". The Conditional Access policy "Policy ca-1" catches the account`)
		assert.Contains(t, run.Findings[0].Text, "does not exclude it again by itself")
		b.task.Now = b.task.Now.Add(24 * time.Hour)
	}
	open := b.notices(t)
	require.Len(t, open, 1, "one notice, not one a night")
	assert.Equal(t, now, open[0].RaisedAt)
	assert.Equal(t, []string{a.Owner.Email}, open[0].Mail)
	assert.Equal(t, a.RequestID, open[0].RequestID)
	stored, err := b.ledger.Accounts(t.Context(), ledger.Filter{AccountID: a.ID})
	require.NoError(t, err)
	assert.Equal(t, a.Grants, stored[0].Grants, "the grant stays on record as it is")

	w.policies = []fitness.Policy{mfa(mfaForAll, a.ObjectID)}
	assert.Empty(t, b.looks(t, w).Findings)
	assert.Empty(t, b.notices(t), "it is over")
	assert.Equal(t, 4, w.lists, "one read a night")
	assert.Zero(t, w.looks)
}

func TestWhatConditionalAccessShows(t *testing.T) {
	atWork := func(p fitness.Policy, change func(*fitness.Policy)) fitness.Policy { change(&p); return p }
	for name, tt := range map[string]struct {
		policies func(id string) []fitness.Policy
		want     []string
		notices  int
	}{
		"policy deleted": {func(string) []fitness.Policy { return []fitness.Policy{} }, []string{fullsync.PolicyMissing}, 0},
		"policy deleted and replaced": {func(string) []fitness.Policy { return []fitness.Policy{mfa("ca-2")} },
			[]string{fullsync.PolicyMissing, fullsync.PolicyCatches}, 1},
		"another policy that stops it": {func(id string) []fitness.Policy { return []fitness.Policy{mfa(mfaForAll, id), mfa("ca-2")} },
			[]string{fullsync.PolicyCatches}, 1},
		"another policy that may stop it": {func(id string) []fitness.Policy {
			return []fitness.Policy{mfa(mfaForAll, id), atWork(mfa("ca-2"), func(p *fitness.Policy) { p.Narrowed = []string{"from some locations only"} })}
		}, []string{fullsync.PolicyMayCatch}, 0},
		"another policy that only reports": {func(id string) []fitness.Policy {
			return []fitness.Policy{mfa(mfaForAll, id), atWork(mfa("ca-2"), func(p *fitness.Policy) { p.State = fitness.ReportOnly })}
		}, nil, 0},
		"no longer excluded from a policy that is off": {func(string) []fitness.Policy {
			return []fitness.Policy{atWork(mfa(mfaForAll), func(p *fitness.Policy) { p.State = fitness.Disabled })}
		}, []string{fullsync.ExclusionMissing}, 1},
		"a policy that the check told of": {func(id string) []fitness.Policy { return []fitness.Policy{mfa(mfaForAll, id), mfa("ca-told")} }, nil, 0},
		"a policy that reported when the check told of it": {func(id string) []fitness.Policy { return []fitness.Policy{mfa(mfaForAll, id), mfa("ca-noted")} },
			[]string{fullsync.PolicyCatches}, 1},
		"a policy for a role that it holds": {func(id string) []fitness.Policy {
			return []fitness.Policy{mfa(mfaForAll, id), atWork(mfa("ca-2"), func(p *fitness.Policy) { p.IncludeUsers, p.IncludeRoles = nil, []string{role} })}
		}, []string{fullsync.PolicyCatches}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			a := b.excepted(t, "one", func(a *account.Account) {
				a.Fitness.Findings = []account.Finding{
					{Code: "conditional-access", Severity: "blocking", Policy: "ca-told"}, {Code: "conditional-access", Severity: "note", Policy: "ca-noted"},
				}
			})
			run := b.looks(t, &world{policies: tt.policies(a.ObjectID)})
			assert.Equal(t, tt.want, kinds(run.Findings))
			assert.Len(t, b.notices(t), tt.notices)
		})
	}
}

// Groups are read where they decide, and nowhere else.
func TestPoliciesThatHangOnGroups(t *testing.T) {
	exempt := mfa("ca-2")
	exempt.ExcludeGroups = []string{"g-break"}
	some := mfa("ca-3")
	some.IncludeUsers, some.IncludeGroups = nil, []string{"g-some"}
	for name, tt := range map[string]struct {
		groups   []string
		noGroups error
		policies []fitness.Policy
		want     []string
		looks    int
	}{
		"in none of them":        {nil, nil, []fitness.Policy{exempt, some}, []string{fullsync.PolicyCatches}, 1},
		"in the excluded one":    {[]string{"G-BREAK"}, nil, []fitness.Policy{exempt, some}, nil, 1},
		"in both":                {[]string{"g-some", "g-break", "other"}, nil, []fitness.Policy{exempt, some}, []string{fullsync.PolicyCatches}, 1},
		"no policy asks":         {[]string{"g-some"}, nil, nil, nil, 0},
		"groups cannot be read":  {nil, fault.Stopf(fault.PermissionMissing, "no"), []fitness.Policy{exempt}, []string{fullsync.PolicyUnread}, 1},
		"the account went since": {nil, fault.Stopf(fault.UserNotFound, "no"), nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			a := b.excepted(t, "one", nothing)
			w := &world{policies: append([]fitness.Policy{mfa(mfaForAll, a.ObjectID)}, tt.policies...), groups: map[string][]string{a.ObjectID: tt.groups}, noGroups: tt.noGroups}
			assert.Equal(t, tt.want, kinds(b.looks(t, w).Findings))
			assert.Equal(t, tt.looks, w.looks)
		})
	}
}

func TestPoliciesThatCannotBeRead(t *testing.T) {
	refused := fault.Stopf(fault.PermissionMissing, "grant Policy.Read.All")
	for name, tt := range map[string]struct {
		err     error
		account func(*account.Account)
		want    []string
	}{
		"refused":     {refused, nothing, []string{fullsync.PolicyUnread}},
		"away":        {fault.Retry(fault.ServiceUnavailable, 0, errors.New("503")), nothing, []string{fullsync.PolicyUnread}},
		"no sense":    {fault.Stopf(fault.AnswerNotUnderstood, "half a list"), nothing, []string{fullsync.PolicyUnread}},
		"never asked": {refused, func(a *account.Account) { a.Grants, a.Fitness = a.Grants[:2], account.Fitness{} }, nil},
		"refused to the check, too": {refused, func(a *account.Account) {
			a.Grants = a.Grants[:2]
			a.Fitness.Findings = []account.Finding{{Code: "not-read", Text: "Nobody looked at " + fitness.PartPolicies + ": no."}}
		}, nil},
		"read by the check": {refused, func(a *account.Account) { a.Grants = a.Grants[:2] }, []string{fullsync.PolicyUnread}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			w := &world{asked: true, unread: tt.err}
			for _, name := range []string{"one", "two"} {
				b.excepted(t, name, tt.account)
			}
			run := b.looks(t, w)
			assert.Empty(t, run.Error)
			assert.Equal(t, tt.want, kinds(run.Findings), "one finding, however many accounts")
			assert.Empty(t, b.notices(t))
			if tt.want != nil {
				assert.Contains(t, run.Findings[0].Text, tt.err.Error())
			}
		})
	}
}

// A notice is neither raised nor cleared by a night that could not see.
func TestANoticeOutlivesABlindNight(t *testing.T) {
	b := setup(t)
	a := b.excepted(t, "one", nothing)
	w := &world{policies: []fitness.Policy{mfa(mfaForAll)}}
	b.looks(t, w)
	require.Len(t, b.notices(t), 1)
	w.unread = errors.New("away")
	b.looks(t, w)
	require.Len(t, b.notices(t), 1)
	require.NoError(t, b.ledger.Update(t.Context(), a.RequestID, func(rec *ledger.Record) error {
		rec.Account.State = account.AccountGone
		return nil
	}))
	b.looks(t, w)
	assert.Empty(t, b.notices(t), "there is no account that could be stopped")
	assert.Equal(t, 2, w.lists)
}

func TestNobodyAsksForThePolicies(t *testing.T) {
	b := setup(t)
	w := &world{policies: []fitness.Policy{mfa(mfaForAll)}}
	b.onboarded(t, "plain", nothing)
	b.excepted(t, "fresh", func(a *account.Account) { a.TriedAt = now.Add(-time.Minute) })
	b.excepted(t, "planned", func(a *account.Account) { a.Grants[2].State = account.GrantIntended })
	b.excepted(t, "every", func(a *account.Account) { a.Grants[2].Target = account.EveryPolicy })
	assert.Empty(t, b.looks(t, w).Findings)
	assert.Zero(t, w.lists)

	w.asked = true
	assert.Equal(t, []string{fullsync.PolicyCatches, fullsync.PolicyCatches, fullsync.PolicyCatches}, kinds(b.looks(t, w).Findings))
	assert.Equal(t, 1, w.lists)
}

// A night whose time is over goes on with the next account, and loses nothing.
func TestGroupsOfManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		p := mfa(mfaForAll)
		p.ExcludeGroups = []string{"g"}
		w := &world{asked: true, policies: []fitness.Policy{p}, slow: 200 * time.Second}
		for _, name := range []string{"one", "two", "three"} {
			b.onboarded(t, name, nothing)
		}
		handler := fullsync.New(b.tenant, b.tenant, b.ledger, b.ledger, b.desk, func() time.Time { return now })
		handler.Conditional = &fullsync.Conditional{Policies: w, Products: w, Books: b.ledger}
		res := step.Result{Again: true}
		for res.Again {
			ctx, done := context.WithTimeout(t.Context(), 4*time.Minute)
			var err error
			res, err = handler.Handle(ctx, b.task)
			done()
			require.NoError(t, err)
			b.task.Step.Checkpoint = res.Checkpoint
		}
		assert.Contains(t, res.Detail, "3 findings")
		assert.Equal(t, 3, w.looks)
	})
}
