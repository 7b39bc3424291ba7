package profile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

// managed is an account with a role and a role group, as given.
func managed(origin account.Origin) account.Account {
	return account.Account{
		UserPrincipalName: "sam@contoso.onmicrosoft.com", ObjectID: "87d349ed-44d7-43e1-9a83-5f2406dee5bd", Origin: origin,
		Grants: []account.Grant{
			{Kind: account.DirectoryRole, Target: "f2ef992c-3afb-46b9-b7cf-a126ee74c451", Name: "Global Reader", State: account.GrantGiven, Ours: true},
			{Kind: account.RoleGroup, Target: "Help Desk", Name: "Help Desk", State: account.GrantGiven, Ours: true},
		},
	}
}

func TestRevocation(t *testing.T) {
	no := false
	for name, test := range map[string]struct {
		how  events.Offboard
		want []string
	}{
		"Default":      {events.Offboard{}, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader", "disable", "revoke-sessions", "delete"}},
		"Purge":        {events.Offboard{Purge: true}, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader", "disable", "revoke-sessions", "delete", "purge", "discard"}},
		"DisableOnly":  {events.Offboard{Mode: "disable"}, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader", "disable", "revoke-sessions"}},
		"KeepSessions": {events.Offboard{RevokeSessions: &no}, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader", "disable", "delete"}},
		"KeepGroups":   {events.Offboard{RemoveRoleGroup: &no}, []string{"revoke-role-global-reader", "disable", "revoke-sessions", "delete"}},
		"KeepRoles":    {events.Offboard{Mode: "disable", RemoveRoles: &no}, []string{"revoke-rolegroup-help-desk", "disable", "revoke-sessions"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, profile.CheckOffboard(account.Account{}, test.how))
			assert.Equal(t, test.want, names(profile.Revocation(managed(account.Created), test.how)))
		})
	}
}

func TestGraceDelaysTheDelete(t *testing.T) {
	for _, s := range profile.Revocation(managed(account.Created), events.Offboard{GraceDays: 30}) {
		want := time.Duration(0)
		if s.Name == "delete" {
			want = 720 * time.Hour
		}
		assert.Equal(t, want, s.Delay, s.Name)
	}
}

func TestCheckOffboardRefuses(t *testing.T) {
	no := false
	for _, how := range []events.Offboard{{RemoveRoles: &no}, {Mode: "disable", Purge: true}, {Mode: "disable", GraceDays: 1}} {
		assert.Equal(t, fault.RequestInvalid, fault.CodeOf(profile.CheckOffboard(account.Account{}, how)))
	}
}

func TestAdoptedAccountLosesOnlyWhatIsOurs(t *testing.T) {
	acc := managed(account.Adopted)
	assert.Equal(t, []string{"revoke-rolegroup-help-desk", "revoke-role-global-reader"}, names(profile.Revocation(acc, events.Offboard{Purge: true})))
	acc.Grants[0].Ours = false
	assert.Equal(t, []string{"revoke-rolegroup-help-desk"}, names(profile.Revocation(acc, events.Offboard{})))
	acc.Grants[1].State = account.GrantIntended
	assert.Len(t, profile.Revocation(acc, events.Offboard{}), 1, "it was looked for and not found, so it is ours")
	acc.Grants[1].State = account.GrantPlanned
	assert.Empty(t, profile.Revocation(acc, events.Offboard{}), "nobody has looked: the membership may be older than us")
}

func TestAdoptedAccountThatWasNeverFound(t *testing.T) {
	acc := managed(account.Adopted)
	acc.ObjectID, acc.Grants[0].State, acc.Grants[1].State = "", account.GrantPlanned, account.GrantPlanned
	assert.Empty(t, profile.Revocation(acc, events.Offboard{}))
}

func TestTakenRightsAreNotTakenAgain(t *testing.T) {
	acc := managed(account.Created)
	acc.Grants[1].State = account.GrantTaken
	assert.Equal(t, []string{"revoke-role-global-reader", "disable", "revoke-sessions", "delete"}, names(profile.Revocation(acc, events.Offboard{})))
}

func TestCompensation(t *testing.T) {
	failed := func(failures int) account.Request {
		return account.Request{Steps: []account.Step{{Name: "create", State: account.StepFailed, Failures: failures}}}
	}
	acc := managed(account.Created)
	steps := profile.Compensation(failed(3), acc)
	assert.Equal(t, []string{"undo-revoke-rolegroup-help-desk", "undo-revoke-role-global-reader", "undo-disable", "undo-revoke-sessions", "undo-delete", "undo-discard"}, names(steps))
	for _, s := range steps {
		assert.True(t, s.Compensates)
	}
	assert.NotEmpty(t, profile.Compensation(failed(1), acc), "the account is known to exist")
	acc.ObjectID = ""
	assert.NotEmpty(t, profile.Compensation(failed(2), acc), "a reply may have been lost")
	assert.Empty(t, profile.Compensation(failed(1), acc), "the first try was refused")
}

// tried marks the first n steps as done.
func tried(steps []account.Step, n int) account.Request {
	for i := range steps[:n] {
		steps[i].State, steps[i].Attempt = account.StepDone, 1
	}
	return account.Request{Action: account.Offboard, Steps: steps}
}

func TestRestoration(t *testing.T) {
	acc := managed(account.Created)
	off := profile.Revocation(acc, events.Offboard{GraceDays: 30})
	all := []string{"restore", "enable", "assignrole-global-reader", "grantrolegroup-help-desk"}
	assert.Equal(t, all, names(profile.Restoration(tried(off, len(off)), acc)))
	off = profile.Revocation(acc, events.Offboard{GraceDays: 30})
	assert.Equal(t, all[1:], names(profile.Restoration(tried(off, len(off)-1), acc)), "in its grace it is not deleted")
	off = profile.Revocation(acc, events.Offboard{})
	assert.Equal(t, all[2:], names(profile.Restoration(tried(off, 0), acc)), "what was promised, and not more")
	adopted := managed(account.Adopted)
	off = profile.Revocation(adopted, events.Offboard{})
	assert.Equal(t, all[2:], names(profile.Restoration(tried(off, len(off)), adopted)))
}

func TestExclusionsEndBeforeTheAccountGoesAndComeBackWithIt(t *testing.T) {
	acc := managed(account.Adopted)
	acc.Grants = []account.Grant{
		{Kind: account.Exclusion, Target: account.EveryPolicy, State: account.GrantPlanned, Ours: true},
		{Kind: account.Exclusion, Target: "one", Name: "MFA for all", State: account.GrantGiven, Ours: true},
		{Kind: account.Exclusion, Target: "two", Name: "Devices", State: account.GrantGiven},
		{Kind: account.Exclusion, Target: "three", Name: "Gone", State: account.GrantTaken, Ours: true},
	}
	assert.Equal(t, []string{"revoke-exclusion-mfa-for-all"}, names(profile.Revocation(acc, events.Offboard{})), "only ours, of an adopted account too")
	acc.Origin = account.Created
	assert.Equal(t, []string{"revoke-exclusion-mfa-for-all", "disable", "revoke-sessions", "delete"}, names(profile.Revocation(acc, events.Offboard{})))
	back := profile.Restoration(account.Request{}, acc)
	require.Equal(t, []string{"exclude"}, names(back))
	assert.Contains(t, string(back[0].Args), `"policies":["one","three"]`)
}

func TestFederationIsLookedAtFirst(t *testing.T) {
	acc := managed(account.Created)
	acc.Federation.Holds = true
	assert.Equal(t, "federation", names(profile.Revocation(acc, events.Offboard{}))[0])
	assert.NotContains(t, names(profile.Revocation(acc, events.Offboard{Force: true})), "federation")
	failed := account.Request{Steps: []account.Step{{Name: "create", State: account.StepFailed, Failures: 3}}}
	assert.NotContains(t, names(profile.Compensation(failed, acc)), "undo-federation", "nobody uses it yet")
}

func TestFederatedDomainsOfARequest(t *testing.T) {
	planned, err := sam360(t, func(r *events.Request) { r.Lifetime.FederatedDomains = []string{"CONTOSO.com"} })
	require.NoError(t, err)
	assert.Equal(t, account.Federation{Holds: true, Domains: []string{"contoso.com"}}, planned.Account.Federation)
	_, err = sam360(t, func(r *events.Request) { r.Lifetime.FederatedDomains = []string{"fabrikam.com"} })
	assert.Equal(t, fault.DomainNotVerified, fault.CodeOf(err))
	require.ErrorContains(t, err, "lifetime.federatedDomains")
	p, _ := builtin(t).Get("practice-protect-federation")
	assert.True(t, p.Lifetime.HoldWhileFederated)
}
