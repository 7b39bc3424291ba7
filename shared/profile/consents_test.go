package profile_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

const (
	otherApp = "77777777-aaaa-4bbb-8ccc-dddddddddddd"
	graphID  = "00000003-0000-0000-c000-000000000000"
)

// connect gives the sample request for a connection, changed.
func connect(t *testing.T, name string, tenant account.Tenant, change func(*events.Request)) (profile.Planned, error) {
	t.Helper()
	p, _ := builtin(t).Get(name)
	req := sample(t, "onboard-"+name+".json")
	change(&req)
	return profile.Plan(p, req, tenant, now)
}

// consentArgs reads the arguments of the one consent of a plan.
func consentArgs(t *testing.T, planned profile.Planned) (args events.GrantConsentArgs) {
	t.Helper()
	for _, s := range planned.Steps {
		if s.Function == events.GrantConsent {
			require.NoError(t, json.Unmarshal(s.Args, &args))
		}
	}
	require.NotEmpty(t, args.AppID)
	return args
}

func TestAConnectionHasNoUser(t *testing.T) {
	planned, err := connect(t, "trendmicro-cas", contoso, func(*events.Request) {})
	require.NoError(t, err)
	assert.Equal(t, "trendmicro-cas@contoso.onmicrosoft.com", planned.Account.UserPrincipalName)
	assert.Equal(t, "3a6c1f52-0d84-4e7b-9c15-7b20e4d9a001", planned.Account.AppID)
	assert.Equal(t, []string{"grantconsent-cloud-app-security-connector", "assigntargets"}, names(planned.Steps))
	assert.Len(t, consentArgs(t, planned).Permissions, 7)
	upn, err := profile.UserPrincipalName(profile.Profile{Name: "x", Account: profile.Account{Modes: []profile.Mode{profile.Connected}}}, events.Request{}, contoso)
	require.NoError(t, err)
	assert.Equal(t, "x@contoso.onmicrosoft.com", upn)
}

func TestWhichApplication(t *testing.T) {
	configured := contoso
	configured.Consents = account.Consents{Applications: map[string]string{"trendmicro-cas": otherApp}}
	planned, err := connect(t, "trendmicro-cas", configured, func(r *events.Request) { r.Access.AppConsents = nil })
	require.NoError(t, err)
	args := consentArgs(t, planned)
	assert.Equal(t, otherApp, args.AppID)
	assert.Equal(t, "Cloud App Security connector", args.App)

	planned, err = connect(t, "trendmicro-cas", contoso, func(r *events.Request) {
		r.Access.AppConsents = []events.AppConsent{{AppID: "77777777-AAAA-4bbb-8ccc-dddddddddddd"}}
	})
	require.NoError(t, err)
	assert.Equal(t, otherApp, planned.Account.AppID)
	assert.Len(t, consentArgs(t, planned).Permissions, 7)

	planned, err = connect(t, "trendmicro-cas", contoso, func(r *events.Request) {
		r.Access.AppConsents = []events.AppConsent{{AppID: otherApp, Permissions: []string{"Mail.Read"}, Type: "delegated"}}
	})
	require.NoError(t, err)
	assert.Equal(t, []events.AppPermission{{Resource: graphID, Name: "Mail.Read", Delegated: true}}, consentArgs(t, planned).Permissions)
}

func TestReadOnlyNarrowsThePermissions(t *testing.T) {
	yes := true
	for name, permissions := range map[string]int{"trendmicro-cas": 6, "mediafly-intelligence": 5} {
		planned, err := connect(t, name, contoso, func(r *events.Request) { r.Access.ReadOnly = &yes })
		require.NoError(t, err)
		all := consentArgs(t, planned).Permissions
		assert.Len(t, all, permissions)
		for _, p := range all {
			assert.NotContains(t, p.Name, "Write")
		}
	}
}

func TestConsentsThatAreRefused(t *testing.T) {
	no := false
	for name, test := range map[string]struct {
		change func(*events.Request)
		code   fault.Code
		says   string
	}{
		"Password": {func(r *events.Request) { r.Account.Password = &events.Password{} }, fault.RequestInvalid, "account.password"},
		"MFA":      {func(r *events.Request) { r.Account.MFA = "excluded" }, fault.RequestInvalid, "mfa"},
		"Delivery": {func(r *events.Request) { r.Delivery = &events.Delivery{Method: "vault"} }, fault.RequestInvalid, "delivery"},
		"Role":     {func(r *events.Request) { r.Access.DirectoryRoles = []string{"Global Reader"} }, fault.RequestInvalid, "Global Reader"},
		"TwoApplications": {func(r *events.Request) {
			r.Access.AppConsents = []events.AppConsent{{AppID: otherApp, Permissions: []string{"Mail.Read"}}, {AppID: graphID, Permissions: []string{"Mail.Read"}}}
		}, fault.RequestInvalid, "names 2"},
		"NoConsent":    {func(r *events.Request) { r.Access.AppConsents = []events.AppConsent{} }, fault.RequestInvalid, "names 0"},
		"AppID":        {func(r *events.Request) { r.Access.AppConsents = []events.AppConsent{{AppID: "x"}} }, fault.RequestInvalid, "appId"},
		"OnlyResource": {func(r *events.Request) { r.Access.AppConsents[0].Resource = "Microsoft Graph" }, fault.RequestInvalid, "permissions"},
		"Resource": {func(r *events.Request) {
			r.Access.AppConsents = []events.AppConsent{{Resource: "Skype", Permissions: []string{"A.Read"}}}
		}, fault.PermissionUnknown, "Skype"},
		"Permission": {func(r *events.Request) {
			r.Access.AppConsents = []events.AppConsent{{Permissions: []string{"Mail.Read Mail.Send"}}}
		}, fault.PermissionUnknown, "Mail.Read Mail.Send"},
		"EntryWithoutPermissions": {func(r *events.Request) {
			r.Access.AppConsents = []events.AppConsent{{Permissions: []string{"Mail.Read"}}, {}}
		}, fault.RequestInvalid, "entry 2"},
		"EmptyPolicy": {func(r *events.Request) { r.Access.ConsentPolicy = &events.ConsentPolicy{} }, fault.RequestInvalid, "consentPolicy"},
		"Days": {func(r *events.Request) {
			r.Access.ConsentPolicy = &events.ConsentPolicy{Enabled: &no, RequestExpiresDays: 61}
		},
			fault.RequestInvalid, "requestExpiresDays is 61"},
		"BareID":       {reviewer(otherApp), fault.RequestInvalid, "user:" + otherApp},
		"UnknownKind":  {reviewer("team:x"), fault.RequestInvalid, "team:x"},
		"Nobody":       {reviewer("user: "), fault.RequestInvalid, "nobody"},
		"ReviewerRole": {reviewer("role:Wizard"), fault.UnknownRole, "Wizard"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connect(t, "trendmicro-cas", contoso, test.change)
			require.ErrorContains(t, err, test.says)
			assert.Equal(t, test.code, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		})
	}
}

func reviewer(text string) func(*events.Request) {
	return func(r *events.Request) { r.Access.ConsentPolicy = &events.ConsentPolicy{Reviewers: []string{text}} }
}

// connected is the row of a connection whose consents were given.
func connected(t *testing.T) account.Account {
	t.Helper()
	planned, err := connect(t, "mediafly-intelligence", contoso, func(*events.Request) {})
	require.NoError(t, err)
	acc := planned.Account
	for i := range acc.Grants {
		acc.Grants[i].State = account.GrantGiven
	}
	acc.PolicyChange = &account.PolicyChange{Set: account.ConsentPolicy{
		Enabled: true, Days: 30, Reviewers: []account.Reviewer{{Kind: account.ReviewerUser, ID: "u"}, {Kind: account.ReviewerOther, ID: "/x"}},
	}}
	return acc
}

func partsOf(t *testing.T, steps []account.Step) (parts []events.RevokePart) {
	t.Helper()
	for _, s := range steps {
		var args events.RevokeArgs
		require.NoError(t, json.Unmarshal(s.Args, &args))
		if len(parts) == 0 || parts[len(parts)-1] != args.Part {
			parts = append(parts, args.Part)
		}
	}
	return parts
}

func TestAConnectionIsTakenBackInOrder(t *testing.T) {
	acc := connected(t)
	assert.Equal(t, []events.RevokePart{events.RevokeAppRole, events.RevokeScope, events.RevokeApplication, events.RevokeConsentPolicy},
		partsOf(t, profile.Revocation(acc, events.Offboard{})))
	assert.Equal(t, []events.RevokePart{events.RevokeAppRole, events.RevokeScope, events.RevokeConsentPolicy},
		partsOf(t, profile.Revocation(acc, events.Offboard{Mode: profile.OffboardDisable})), "the application stays known")
	for _, s := range profile.Compensation(account.Request{}, acc) {
		assert.True(t, s.Compensates)
	}

	theirs, unseen := acc.Grant(account.Application, acc.AppID), acc.Grant(account.ConsentPolicySetting, account.ConsentRequestPolicy)
	theirs.Ours, unseen.State = false, account.GrantPlanned
	assert.Equal(t, []events.RevokePart{events.RevokeAppRole, events.RevokeScope}, partsOf(t, profile.Revocation(acc, events.Offboard{})),
		"what was there before, or was never looked for, stays")
}

func TestConsentsOfAUserGoBeforeTheRoles(t *testing.T) {
	acc := connected(t)
	acc.AppID, acc.ObjectID = "", "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
	acc.Grants = append(acc.Grants, account.Grant{Kind: account.DirectoryRole, Target: "r", Name: "r", Ours: true, State: account.GrantGiven})
	assert.Equal(t, []events.RevokePart{
		events.RevokeAppRole, events.RevokeScope, events.RevokeApplication, events.RevokeConsentPolicy,
		events.RevokeRole, events.RevokeEnabled, events.RevokeSessions, events.RevokeAccount,
	}, partsOf(t, profile.Revocation(acc, events.Offboard{})))
	no := false
	assert.NotContains(t, partsOf(t, profile.Revocation(acc, events.Offboard{RevokeConsents: &no})), events.RevokeAppRole)
}

func TestARestorationConsentsAgain(t *testing.T) {
	steps := profile.Restoration(account.Request{}, connected(t))
	require.Equal(t, []string{"consentpolicy", "grantconsent-mediafly-intelligence-connector"}, names(steps))
	var args events.GrantConsentArgs
	require.NoError(t, json.Unmarshal(steps[0].Args, &args))
	assert.Equal(t, []string{"user:u"}, args.Policy.Reviewers)
	require.NoError(t, json.Unmarshal(steps[1].Args, &args))
	assert.Len(t, args.Permissions, 9)
}

func TestWhatAConnectionCannotKeep(t *testing.T) {
	no := false
	for _, how := range []events.Offboard{{RevokeConsents: &no}, {Purge: true}} {
		assert.Equal(t, fault.RequestInvalid, fault.CodeOf(profile.CheckOffboard(connected(t), how)))
	}
	assert.NoError(t, profile.CheckOffboard(connected(t), events.Offboard{GraceDays: 3, Mode: profile.OffboardDisable}))
}

// A consent that an administrator is to give on Microsoft's page is not given by Usher.
func TestConsentByLinkIsNotGivenDirectly(t *testing.T) {
	tenant := contoso
	tenant.Consents.Method = account.ConsentLink
	planned, err := connect(t, "trendmicro-cas", tenant, func(*events.Request) {})
	require.NoError(t, err)
	var args events.GrantConsentArgs
	require.NoError(t, json.Unmarshal(planned.Steps[0].Args, &args))
	assert.Equal(t, events.ConsentLink, args.Method)
	assert.Equal(t, account.ConsentLink, planned.Account.ConsentMethod)
}
