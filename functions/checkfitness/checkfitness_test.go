package checkfitness_test

import (
	"context"
	"errors"
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

const (
	upn = "svc@contoso.onmicrosoft.com"
	id  = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world is a tenant as it is read: facts, and the accounts that are in it.
type world struct {
	facts    fitness.Facts
	accounts map[string]fitness.Account
	err      error
	asked    []string
	// refuse is SetExcluded's error, before it does anything; after is asked after it did.
	refuse  error
	after   func() error
	changes []string
}

func (w *world) Posture(_ context.Context, _ account.TenantID, name string) (fitness.Facts, error) {
	w.asked = append(w.asked, name)
	f := w.facts
	if w.err != nil || name == "" {
		return f, w.err
	}
	a, there := w.accounts[name]
	if !there {
		return fitness.Facts{}, fault.Stopf(fault.UserNotFound, "no account %s", name)
	}
	f.Account = a
	return f, nil
}

var everybody = fitness.Policy{
	ID: "policy-1", Name: "MFA for all", State: fitness.Enabled, IncludeUsers: []string{"All"}, IncludeApplications: []string{"All"},
	Controls: []string{"mfa"}, AnyControl: true,
}

func contoso() *world {
	return &world{facts: fitness.Facts{Domains: []account.Domain{
		{Name: "contoso.onmicrosoft.com", Initial: true, Verified: true}, {Name: "fed.contoso.com", Verified: true, Federated: true},
	}}, accounts: map[string]fitness.Account{}}
}

func job(mode string) step.Task[events.CheckFitnessArgs] {
	return step.Task[events.CheckFitnessArgs]{
		Tenant: account.Tenant{ID: "tid"}, Account: account.Account{UserPrincipalName: upn}, Now: now,
		Args: events.CheckFitnessArgs{Mode: mode, UserPrincipalName: upn, Needs: events.FitnessNeeds{Unattended: true}},
	}
}

// check runs the handler once and keeps what it learned.
func check(w *world, t *step.Task[events.CheckFitnessArgs]) (step.Result, error) {
	res, err := checkfitness.New(w, w).Handle(context.Background(), *t)
	if res.Learn != nil {
		res.Learn(&t.Account)
	}
	return res, err
}

func codes(a account.Account) map[string]string {
	found := map[string]string{}
	for _, f := range a.Fitness.Findings {
		found[f.Code] = f.Severity
	}
	return found
}

func TestModes(t *testing.T) {
	for name, tt := range map[string]struct {
		mode     string
		excludes bool
		defaults bool
		policies []fitness.Policy
		park     string
	}{
		"warn goes on":                            {mode: "warn", defaults: true, policies: []fitness.Policy{everybody}},
		"park waits for a person":                 {mode: "park", policies: []fitness.Policy{everybody}, park: `"MFA for all" catches the account`},
		"park with an exclusion to come":          {mode: "park", excludes: true, policies: []fitness.Policy{everybody}},
		"exclude":                                 {mode: "exclude", excludes: true, policies: []fitness.Policy{everybody}},
		"nothing is excluded from the defaults":   {mode: "exclude", excludes: true, defaults: true, park: "no account can be excluded"},
		"park where nothing stands in the way":    {mode: "park"},
		"exclude where nothing stands in the way": {mode: "exclude", excludes: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := contoso()
			w.facts.SecurityDefaults, w.facts.Policies = tt.defaults, tt.policies
			task := job(tt.mode)
			task.Args.Excludes = tt.excludes
			res, err := check(w, &task)
			require.NoError(t, err)
			if tt.park == "" {
				assert.Empty(t, res.Park)
			}
			assert.Contains(t, res.Park, tt.park)
			assert.Equal(t, now, task.Account.Fitness.CheckedAt)
			assert.Equal(t, "note", codes(task.Account)["app-identity"], "each check says whether an application would be better")
		})
	}
}

func TestWhatWasFoundIsTold(t *testing.T) {
	w, task := contoso(), job("warn")
	res, err := check(w, &task)
	require.NoError(t, err)
	assert.Equal(t, "Nothing stands in the way", res.Detail)
	w.facts.Policies = []fitness.Policy{everybody}
	res, err = check(w, &task)
	require.NoError(t, err)
	assert.Contains(t, res.Detail, `blocking: The Conditional Access policy "MFA for all" catches the account`)
	assert.Equal(t, "policy-1", task.Account.Fitness.Findings[0].Policy)
	assert.Contains(t, task.Account.Fitness.Findings[0].Remedy, "with an approval")
}

func TestAnAccountThatIsThereIsLookedAtItself(t *testing.T) {
	blocked := fitness.Account{ObjectID: id, UserPrincipalName: upn, Synced: true}
	for name, edit := range map[string]func(*step.Task[events.CheckFitnessArgs]){
		"by name, before it is adopted": func(t *step.Task[events.CheckFitnessArgs]) { t.Args.Existing = true },
		"by object id, after that":      func(t *step.Task[events.CheckFitnessArgs]) { t.Account.ObjectID = id },
	} {
		w, task := contoso(), job("warn")
		w.accounts[upn], w.accounts[id] = blocked, blocked
		edit(&task)
		_, err := check(w, &task)
		require.NoError(t, err, name)
		assert.Equal(t, "blocking", codes(task.Account)["sign-in-blocked"], name)
		assert.Contains(t, task.Account.Fitness.Findings[0].Remedy, "on-premises", name)
	}
}

func TestAnAccountThatIsNotThereIsTheNextStepsBusiness(t *testing.T) {
	w, task := contoso(), job("warn")
	task.Args.Existing = true
	_, err := check(w, &task)
	require.NoError(t, err)
	assert.Equal(t, []string{upn, ""}, w.asked)
}

func TestALicenceThatTheProductNeeds(t *testing.T) {
	w, task := contoso(), job("park")
	w.accounts[upn] = fitness.Account{ObjectID: id, UserPrincipalName: upn, Enabled: true}
	task.Args.Existing = true
	task.Args.Needs.Plans = []events.FitnessPlan{{For: "a mailbox", AnyOf: []string{"EXCHANGE_S_STANDARD"}}}
	res, err := check(w, &task)
	require.NoError(t, err)
	assert.Contains(t, res.Park, "no licence for a mailbox")
}

func TestAFederatedDomain(t *testing.T) {
	const federated = "svc@fed.contoso.com"
	for name, tt := range map[string]struct {
		edit func(*events.CheckFitnessArgs)
		code fault.Code
	}{
		"a new account could never sign in":    {func(*events.CheckFitnessArgs) {}, fault.DomainFederated},
		"one from Active Directory can":        {func(a *events.CheckFitnessArgs) { a.Synced = true }, ""},
		"one that is there is told of, and on": {func(a *events.CheckFitnessArgs) { a.Existing = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, task := contoso(), job("warn")
			task.Args.UserPrincipalName = federated
			w.accounts[federated] = fitness.Account{ObjectID: id, UserPrincipalName: federated, Enabled: true}
			tt.edit(&task.Args)
			_, err := check(w, &task)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, "blocking", codes(task.Account)["domain-federated"], "what was found is kept")
			if err != nil {
				assert.Equal(t, fault.Permanent, fault.ClassOf(err))
				assert.Contains(t, err.Error(), "Use the domain contoso.onmicrosoft.com")
				assert.Contains(t, err.Error(), "account.domain")
			}
		})
	}
}

// What cannot be read is a warning in the end, never the end of an onboarding.
func TestATenantThatCannotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		waited time.Duration
		waits  bool
	}{
		"away for a moment":  {errors.New("connection refused"), time.Minute, true},
		"throttled":          {fault.Retry(fault.Throttled, time.Second, errors.New("429")), time.Minute, true},
		"away for too long":  {errors.New("connection refused"), 11 * time.Minute, false},
		"not allowed at all": {fault.Stopf(fault.ConsentMissing, "AADSTS700016"), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, task := contoso(), job("park")
			w.err = tt.err
			task.Step.FirstSeen = now.Add(-tt.waited)
			_, err := check(w, &task)
			if tt.waits {
				assert.Equal(t, fault.Waiting, fault.ClassOf(err))
				assert.Empty(t, task.Account.Fitness.Findings)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "warning", codes(task.Account)["not-read"])
		})
	}
}

func TestAPartThatMayNotBeReadIsAWarning(t *testing.T) {
	w, task := contoso(), job("park")
	w.facts.Missing = []fitness.Missing{{Part: "the security defaults", Why: "Policy.Read.All is missing"}}
	res, err := check(w, &task)
	require.NoError(t, err)
	assert.Empty(t, res.Park)
	assert.Equal(t, "warning", codes(task.Account)["not-read"])
}

func TestAPartThatNobodyKnows(t *testing.T) {
	w, task := contoso(), job("warn")
	task.Args.Part = "everything"
	_, err := check(w, &task)
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(err))
	assert.Empty(t, w.asked)
}
