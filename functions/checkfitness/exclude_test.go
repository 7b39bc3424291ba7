package checkfitness_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/step"
)

// SetExcluded changes a policy of the world. Its after may lose the reply.
func (w *world) SetExcluded(_ context.Context, _ account.TenantID, policy, user string, excluded bool) error {
	w.changes = append(w.changes, policy)
	if w.refuse != nil {
		return w.refuse
	}
	i := slices.IndexFunc(w.facts.Policies, func(p fitness.Policy) bool { return p.ID == policy })
	if i < 0 {
		return fault.Stopf(fault.AccessPolicyNotFound, "no policy %s", policy)
	}
	p := w.facts.Policies[i]
	p.ExcludeUsers = slices.DeleteFunc(slices.Clone(p.ExcludeUsers), func(s string) bool { return s == user })
	if excluded {
		p.ExcludeUsers = append(p.ExcludeUsers, user)
	}
	w.facts.Policies[i] = p
	if w.after != nil {
		return w.after()
	}
	return nil
}

// caught is a world with policies, and a command to exclude the account from them.
func caught(policies ...fitness.Policy) (*world, *step.Task[events.CheckFitnessArgs]) {
	w, task := contoso(), job("exclude")
	w.facts.Policies = policies
	w.accounts[id] = fitness.Account{ObjectID: id, UserPrincipalName: upn, Enabled: true}
	task.Account.ObjectID = id
	task.Account.Grants = []account.Grant{{Kind: account.Exclusion, Target: account.EveryPolicy, State: account.GrantPlanned, Ours: true}}
	task.Args.Part, task.Args.Excludes = events.FitnessExclude, true
	return w, &task
}

// through runs the step as the runner does, to its end or its first error.
func through(t *testing.T, w *world, task *step.Task[events.CheckFitnessArgs]) (step.Result, error) {
	t.Helper()
	for range 20 {
		res, err := check(w, task)
		if err != nil || !res.Again {
			return res, err
		}
	}
	require.Fail(t, "it never ended")
	return step.Result{}, nil
}

func policy(id, name string, edit func(*fitness.Policy)) fitness.Policy {
	p := everybody
	p.ID, p.Name = id, name
	if edit != nil {
		edit(&p)
	}
	return p
}

// exclusions are the grants by policy.
func exclusions(a account.Account) map[string]account.Grant {
	found := map[string]account.Grant{}
	for _, g := range a.Grants {
		found[g.Target] = g
	}
	return found
}

func TestExcludeFromWhatCatches(t *testing.T) {
	w, task := caught(
		policy("one", "MFA for all", nil),
		policy("two", "Devices", func(p *fitness.Policy) { p.Controls = []string{"compliantDevice"} }),
		policy("off", "Off", func(p *fitness.Policy) { p.State = fitness.Disabled }),
		policy("abroad", "Abroad", func(p *fitness.Policy) { p.Narrowed = []string{"from some locations only"} }),
		policy("out", "Excluded before", func(p *fitness.Policy) { p.ExcludeUsers = []string{id} }),
	)
	res, err := through(t, w, task)
	require.NoError(t, err)
	assert.Equal(t, `Excluded from "MFA for all" and "Devices"`, res.Detail)
	assert.Empty(t, res.Park)
	assert.Equal(t, []string{"one", "two"}, w.changes)
	given := account.Grant{Kind: account.Exclusion, Target: "one", Name: "MFA for all", State: account.GrantGiven, Ours: true}
	found := exclusions(task.Account)
	assert.Equal(t, given, found["one"])
	assert.Len(t, found, 2, "what was asked for is now what was given")
	assert.NotContains(t, codes(task.Account), "per-user-mfa")
	assert.Equal(t, "warning", codes(task.Account)["conditional-access"], "a policy that may catch it is still told of")

	_, err = through(t, w, task)
	require.NoError(t, err, "once more changes nothing")
	assert.Len(t, w.changes, 2)
}

func TestNothingIsChangedBeforeItIsOnRecord(t *testing.T) {
	w, task := caught(policy("one", "MFA for all", nil))
	res, err := check(w, task)
	require.NoError(t, err)
	assert.True(t, res.Again)
	assert.Empty(t, w.changes)
	assert.Equal(t, account.GrantIntended, exclusions(task.Account)["one"].State)
}

func TestALostReplyOfAnExclusion(t *testing.T) {
	w, task := caught(policy("one", "MFA for all", nil))
	w.after = func() error { w.after = nil; return errors.New("connection lost") }
	_, err := through(t, w, task)
	require.Error(t, err)
	_, err = through(t, w, task)
	require.NoError(t, err)
	assert.True(t, exclusions(task.Account)["one"].Ours, "it was looked for and not found before")
	assert.Equal(t, []string{"one"}, w.changes)
}

func TestAPolicyThatIsReplacedMeanwhile(t *testing.T) {
	w, task := caught(policy("one", "MFA for all", nil))
	_, err := check(w, task)
	require.NoError(t, err)
	w.facts.Policies = []fitness.Policy{policy("two", "MFA for all, anew", nil)}
	res, err := through(t, w, task)
	require.NoError(t, err)
	assert.Equal(t, account.GrantTaken, exclusions(task.Account)["one"].State)
	assert.Equal(t, account.GrantGiven, exclusions(task.Account)["two"].State)
	assert.Equal(t, `Excluded from "MFA for all, anew"`, res.Detail)
}

func TestAPolicyThatGoesWhileItIsChanged(t *testing.T) {
	w, task := caught(policy("one", "MFA for all", nil))
	w.refuse = fault.Stopf(fault.AccessPolicyNotFound, "gone")
	_, err := check(w, task)
	require.NoError(t, err)
	_, err = check(w, task)
	require.NoError(t, err)
	assert.Equal(t, account.GrantTaken, exclusions(task.Account)["one"].State)
}

func TestNoPolicyCatches(t *testing.T) {
	w, task := caught()
	res, err := through(t, w, task)
	require.NoError(t, err)
	assert.Equal(t, "No Conditional Access policy stops the account", res.Detail)
	assert.Empty(t, task.Account.Grants)
}

// An account that is restored gets back the exclusions it had, and no others.
func TestExcludeFromNamedPolicies(t *testing.T) {
	w, task := caught(policy("one", "MFA for all", nil), policy("two", "Devices", nil))
	task.Account.Grants = []account.Grant{{Kind: account.Exclusion, Target: "one", Name: "MFA for all", State: account.GrantTaken, Ours: true}}
	task.Args.Policies = []string{"one", "gone"}
	_, err := through(t, w, task)
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, w.changes)
	assert.Equal(t, account.GrantGiven, exclusions(task.Account)["one"].State)
}

// An offboarding that is taken back plans anew what it took.
func TestAnExclusionIsGivenBack(t *testing.T) {
	w, task := caught(policy("one", "MFA", nil))
	task.Args.Policies = []string{"one", "gone"}
	task.Account.Grants = []account.Grant{
		{Kind: account.Exclusion, Target: "one", Name: "MFA", State: account.GrantPlanned, Ours: true},
		{Kind: account.Exclusion, Target: "gone", Name: "Gone", State: account.GrantPlanned, Ours: true},
	}
	_, err := through(t, w, task)
	require.NoError(t, err)
	assert.Equal(t, []string{id}, w.facts.Policies[0].ExcludeUsers)
	assert.Equal(t, account.GrantGiven, task.Account.Grant(account.Exclusion, "one").State)
	assert.True(t, task.Account.Grant(account.Exclusion, "one").Ours)
	assert.Equal(t, account.GrantTaken, task.Account.Grant(account.Exclusion, "gone").State)
}

func TestWhatOnlyTheAccountItselfShows(t *testing.T) {
	w, task := caught()
	a := w.accounts[id]
	a.PerUserMFA = "enforced"
	w.accounts[id] = a
	res, err := through(t, w, task)
	require.NoError(t, err)
	assert.Contains(t, res.Park, "Per-user multifactor authentication", "no exclusion cures it")
	res, err = through(t, w, task)
	require.NoError(t, err)
	assert.Empty(t, res.Park, "a person was asked already")
}

func TestExclusionsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		edit  func(*world, *step.Task[events.CheckFitnessArgs])
		code  fault.Code
		class fault.Class
	}{
		"never made":       {func(_ *world, t *step.Task[events.CheckFitnessArgs]) { t.Account.ObjectID = "" }, fault.UserNotFound, fault.Permanent},
		"not readable yet": {func(w *world, _ *step.Task[events.CheckFitnessArgs]) { w.accounts = nil }, fault.UserNotReadable, fault.Waiting},
		"gone": {func(w *world, t *step.Task[events.CheckFitnessArgs]) {
			w.accounts, t.Step.FirstSeen = nil, now.Add(-time.Hour)
		}, fault.UserNotFound, fault.Permanent},
		"policies unreadable": {func(w *world, _ *step.Task[events.CheckFitnessArgs]) {
			w.facts.Missing = []fitness.Missing{{Part: fitness.PartPolicies, Why: "Policy.Read.All"}}
		}, fault.PermissionMissing, fault.Permanent},
		"not allowed": {func(w *world, _ *step.Task[events.CheckFitnessArgs]) {
			w.refuse = fault.Stopf(fault.PermissionMissing, "Policy.ReadWrite.ConditionalAccess")
		}, fault.PermissionMissing, fault.Permanent},
		"throttled": {func(w *world, _ *step.Task[events.CheckFitnessArgs]) {
			w.refuse = fault.Retry(fault.Throttled, 0, errors.New("429"))
		}, fault.Throttled, fault.Waiting},
		"changed by somebody": {func(w *world, _ *step.Task[events.CheckFitnessArgs]) {
			w.refuse = fault.Retry(fault.AccessPolicyChanged, 0, errors.New("changed"))
		}, fault.AccessPolicyChanged, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			w, task := caught(policy("one", "MFA for all", nil))
			tt.edit(w, task)
			_, err := through(t, w, task)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, tt.class, fault.ClassOf(err))
			assert.Equal(t, tt.code == fault.PermissionMissing, checkfitness.Policy.Park(tt.code), "what a person can grant is waited for")
		})
	}
}
