package grantconsent_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenanttest"
)

const globalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// theirs is how the tenants of these tests have it before.
var theirs = account.ConsentPolicy{Days: 14, Reviewers: []account.Reviewer{{Kind: account.ReviewerOther, ID: "/beta/x"}}}

// settingBench asks for a policy with a user, a group and a role as reviewers.
func settingBench(t *testing.T) (b *bench, want account.ConsentPolicy) {
	t.Helper()
	b = &bench{T: t, tenant: tenanttest.NewMemory()}
	_, err := b.tenant.SetConsentPolicy(ctx, "tid", theirs)
	require.NoError(t, err)
	user := b.tenant.Put(account.User{UserPrincipalName: "adele@contoso.com"})
	group := b.tenant.PutGroup("Reviewers")
	yes := true
	b.task.Tenant = account.Tenant{ID: "tid"}
	b.task.Args = events.GrantConsentArgs{Part: events.PartConsentPolicy, Policy: &events.ConsentPolicy{
		Enabled: &yes, Notify: &yes, Remind: &yes, RequestExpiresDays: 30,
		Reviewers: []string{"adele@contoso.com", "Reviewers", "Global Administrator", "group:Reviewers", "role:" + globalAdministrator},
	}}
	b.task.Account.Grants = []account.Grant{{Kind: account.ConsentPolicySetting, Target: account.ConsentRequestPolicy, State: account.GrantPlanned, Ours: true}}
	return b, account.ConsentPolicy{Enabled: true, Mails: true, Reminders: true, Days: 30, Reviewers: []account.Reviewer{
		theirs.Reviewers[0], {Kind: account.ReviewerUser, ID: user}, {Kind: account.ReviewerGroup, ID: group}, {Kind: account.ReviewerRole, ID: globalAdministrator},
	}}
}

// is demands that the tenant has the policy, and the row says what it was.
func (b *bench) is(want, before account.ConsentPolicy) {
	b.Helper()
	now, err := b.tenant.ConsentPolicy(ctx, "tid")
	require.NoError(b, err)
	assert.Equal(b, want, now)
	require.NotNil(b, b.task.Account.PolicyChange)
	assert.Equal(b, before, b.task.Account.PolicyChange.Before)
	assert.Equal(b, want, b.task.Account.PolicyChange.Set)
	g := b.task.Account.Grants[0]
	assert.Equal(b, account.GrantGiven, g.State)
	assert.True(b, g.Ours)
}

func TestTheConsentPolicyIsSet(t *testing.T) {
	b, want := settingBench(t)
	sets := len(b.tenant.Calls())
	res, err := b.once()
	require.NoError(t, err)
	assert.True(t, res.Again, "what was before is on record first")
	assert.NotContains(t, b.tenant.Calls()[sets:], "SetConsentPolicy")
	assert.Equal(t, theirs, b.task.Account.PolicyChange.Before)
	res, err = b.once()
	require.NoError(t, err)
	assert.Contains(t, res.Detail, "days until a request expires: 14 -> 30")
	assert.Contains(t, res.Detail, "within an hour")
	b.is(want, theirs)
}

// Whatever call fails, before or after its effect, the policy ends as asked for, and
// what was before is on record.
func TestEveryCrashEndsInTheSamePolicy(t *testing.T) {
	whole, _ := settingBench(t)
	made := len(whole.tenant.Calls())
	whole.run()
	lost := errors.New("connection lost")
	for at := range len(whole.tenant.Calls()) - made {
		for _, after := range []bool{false, true} {
			b, want := settingBench(t)
			n := 0
			hook := func(string) error {
				if n++; n == at+1 {
					return lost
				}
				return nil
			}
			if after {
				b.tenant.After = hook
			} else {
				b.tenant.Before = hook
			}
			b.run()
			b.is(want, theirs)
		}
	}
}

func TestAPolicyThatIsSoAlreadyIsNotOurs(t *testing.T) {
	b, want := settingBench(t)
	_, err := b.tenant.SetConsentPolicy(ctx, "tid", want)
	require.NoError(t, err)
	sets := len(b.tenant.Calls())
	assert.Contains(t, b.run().Detail, "already")
	assert.NotContains(t, b.tenant.Calls()[sets:], "SetConsentPolicy")
	assert.Nil(t, b.task.Account.PolicyChange)
	assert.False(t, b.task.Account.Grants[0].Ours)
}

func TestOnlyWhatIsAskedForChanges(t *testing.T) {
	b, _ := settingBench(t)
	no := false
	b.task.Args.Policy = &events.ConsentPolicy{Enabled: &no, RequestExpiresDays: 7}
	b.run()
	want := theirs
	want.Days = 7
	b.is(want, theirs)
}

// Somebody else may set the policy between our look and our change: theirs is what is put back.
func TestAnotherChangeMeanwhileIsKept(t *testing.T) {
	b, want := settingBench(t)
	_, err := b.once()
	require.NoError(t, err)
	meanwhile := theirs
	meanwhile.Reviewers = append(meanwhile.Reviewers[:1:1], account.Reviewer{Kind: account.ReviewerUser, ID: "zoe"})
	_, err = b.tenant.SetConsentPolicy(ctx, "tid", meanwhile)
	require.NoError(t, err)
	b.run()
	want.Reviewers = append(append([]account.Reviewer{}, meanwhile.Reviewers...), want.Reviewers[1:]...)
	b.is(want, meanwhile)
}

// A second request on the same row puts back, in the end, what was before the first.
func TestASecondChangeRemembersTheFirstState(t *testing.T) {
	b, want := settingBench(t)
	b.run()
	b.task.Account.Grants[0].State = account.GrantPlanned
	b.task.Args.Policy.RequestExpiresDays = 45
	b.run()
	want.Days = 45
	b.is(want, theirs)
	b.task.Account.Grants[0].State = account.GrantPlanned
	b.run()
	b.is(want, theirs)
}

// stalePolicy shows the policy as it was for a while.
type stalePolicy struct {
	*tenanttest.Memory
	left int
}

func (s *stalePolicy) ConsentPolicy(ctx context.Context, t account.TenantID) (account.ConsentPolicy, error) {
	if s.left > 0 {
		s.left--
		return theirs, nil
	}
	return s.Memory.ConsentPolicy(ctx, t)
}

func TestTheConsentPolicyIsDoneOnlyWhenItShows(t *testing.T) {
	b, want := settingBench(t)
	_, err := b.once()
	require.NoError(t, err)
	stale := &stalePolicy{b.tenant, 3}
	h := grantconsent.NewSetting(stale, b.tenant)
	_, err = h.Handle(ctx, b.task)
	assert.Equal(t, fault.ConsentPolicyNotVisible, fault.CodeOf(err))
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	assert.Greater(t, grantconsent.Policy.Waits[fault.ConsentPolicyNotVisible].Patience.Hours(), 1.0)
	b.run()
	b.is(want, theirs)
}

func TestAPolicyThatWasBeingPutBackIsLookedAtAgain(t *testing.T) {
	b, want := settingBench(t)
	b.run()
	b.task.Account.Grants[0].State = account.GrantLeaving
	b.task.Now = b.task.Now.AddDate(1, 0, 0)
	b.task.Step.FirstSeen = b.task.Now
	_, err := b.once()
	assert.Equal(t, fault.Waiting, fault.ClassOf(err), "what shows may be a moment old")
	_, err = b.tenant.SetConsentPolicy(ctx, "tid", theirs)
	require.NoError(t, err)
	b.run()
	b.is(want, theirs)
}

func TestConsentPoliciesThatAreRefused(t *testing.T) {
	yes := true
	for name, tt := range map[string]struct {
		asked events.ConsentPolicy
		code  fault.Code
		says  string
	}{
		"UnknownUser":  {events.ConsentPolicy{Reviewers: []string{"nobody@contoso.com"}}, fault.UserNotFound, `"nobody@contoso.com"`},
		"UnknownID":    {events.ConsentPolicy{Reviewers: []string{"user:5"}}, fault.UserNotFound, `"5"`},
		"UnknownGroup": {events.ConsentPolicy{Reviewers: []string{"Nobodies"}}, fault.GroupNotFound, `"Nobodies"`},
		"TwoGroups":    {events.ConsentPolicy{Reviewers: []string{"group:Twins"}}, fault.GroupNotFound, "2 groups"},
		"UnknownRole":  {events.ConsentPolicy{Reviewers: []string{"role:Wizard"}}, fault.UnknownRole, "Wizard"},
		"UnknownKind":  {events.ConsentPolicy{Reviewers: []string{"team:x"}}, fault.RequestInvalid, "team:x"},
		"NoReviewer":   {events.ConsentPolicy{Enabled: &yes, RequestExpiresDays: 3}, fault.RequestInvalid, "reviewers: nobody"},
		"NoDays":       {events.ConsentPolicy{Enabled: &yes, Reviewers: []string{"Global Reader"}}, fault.RequestInvalid, "requestExpiresDays"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := settingBench(t)
			b.tenant.PutGroup("Twins")
			b.tenant.AddGroup("Twins")
			if name == "NoReviewer" || name == "NoDays" {
				_, err := b.tenant.SetConsentPolicy(ctx, "tid", account.ConsentPolicy{})
				require.NoError(t, err)
			}
			b.task.Args.Policy = &tt.asked
			_, err := b.once()
			require.ErrorContains(t, err, tt.says)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.Nil(t, b.task.Account.PolicyChange)
		})
	}
	b, _ := settingBench(t)
	b.task.Args.Policy = nil
	_, err := b.once()
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(err))
}
