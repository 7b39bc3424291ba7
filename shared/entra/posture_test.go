package entra_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/fitness"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	adele   = "0e0e0000-0000-4000-8000-000000000001"
	aGroup  = "5ecf8b5f-0000-4000-8000-000000000001"
	another = "7ecf8b5f-0000-4000-8000-000000000001"
)

// lookers are the permissions that looking needs; the account may only be read.
var lookers = []string{"User.Read.All", "RoleManagement.Read.Directory", "Domain.Read.All", "Policy.Read.All", "Policy.ReadWrite.AuthenticationMethod"}

func TestPosture(t *testing.T) {
	server, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, lookers, nil)
	world.SetSecurityDefaults(true)
	require.True(t, world.JoinByHand(adele, aGroup))
	require.True(t, world.SetPerUserMFAByHand(adele, "enforced"))
	require.NotEmpty(t, world.AssignRoleByHand(adele, "Security Reader"))
	world.SetConditionalAccess(
		tenantfake.ConditionalAccessPolicy{DisplayName: "MFA for the group", IncludeGroups: []string{aGroup}, BuiltInControls: []string{"mfa"}},
		tenantfake.ConditionalAccessPolicy{DisplayName: "Strength", AuthenticationStrength: true, ExcludeUsers: []string{adele}},
		tenantfake.ConditionalAccessPolicy{DisplayName: "Abroad", BuiltInControls: []string{"block"}, ExcludeLocations: []string{"AllTrusted"}},
		tenantfake.ConditionalAccessPolicy{DisplayName: "Device code", BuiltInControls: []string{"block"}, TransferMethods: "deviceCodeFlow"},
	)
	f, err := c.Posture(ctx, tenant, "AdeleV@contoso.com")
	require.NoError(t, err)
	assert.Empty(t, f.Missing)
	assert.True(t, f.SecurityDefaults)
	assert.Len(t, f.Domains, 3)
	assert.Equal(t, fitness.Account{
		ObjectID: adele, UserPrincipalName: "AdeleV@contoso.com", Enabled: true, Roles: []string{"5d6b6bb7-de71-4623-b4af-96380a352509"},
		Groups: []string{aGroup}, PerUserMFA: "enforced", Plans: []string{"EXCHANGE_S_ENTERPRISE", "AAD_PREMIUM"},
	}, f.Account)
	require.Len(t, f.Policies, 4)
	assert.NotEmpty(t, f.Policies[1].Strength)
	assert.Equal(t, []string{"from some locations only"}, f.Policies[2].Narrowed)
	assert.True(t, f.Policies[3].OtherSignIns)

	found := map[string]fitness.Severity{}
	for _, finding := range fitness.Evaluate(f, fitness.Needs{Unattended: true}) {
		for _, p := range f.Policies {
			if finding.Policy == p.ID {
				found[p.Name] = finding.Severity
			}
		}
	}
	assert.Equal(t, map[string]fitness.Severity{"MFA for the group": fitness.Blocking, "Abroad": fitness.Warning}, found)
	assert.Empty(t, server.SchemaViolations())
}

func TestPostureOfANewAccount(t *testing.T) {
	_, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Domain.Read.All", "Policy.Read.All"}, nil)
	f, err := c.Posture(ctx, tenant, "")
	require.NoError(t, err)
	assert.Equal(t, fitness.Account{}, f.Account)
	assert.Empty(t, f.Missing)
	assert.Len(t, f.Domains, 3)
}

func TestPostureSaysWhatItCouldNotRead(t *testing.T) {
	_, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"User.Read.All"}, nil)
	f, err := c.Posture(ctx, tenant, adele)
	require.NoError(t, err)
	var parts []string
	for _, m := range f.Missing {
		parts = append(parts, m.Part)
		assert.Contains(t, m.Why, "grants admin consent")
	}
	assert.Equal(t, []string{"the domains", "the security defaults", "the Conditional Access policies", "the directory roles of the account", "per-user multifactor authentication"}, parts)
	assert.Equal(t, adele, f.Account.ObjectID)

	_, err = c.Posture(ctx, tenant, "nobody@contoso.com")
	assert.True(t, fault.Is(err, fault.UserNotFound))
}

// A part that fails for the moment is never taken for one that is in order.
func TestPostureWithAPartAway(t *testing.T) {
	for _, path := range []string{"/domains", "identitySecurityDefaultsEnforcementPolicy", "/conditionalAccess/", "/roleAssignments", "/transitiveMemberOf", "/licenseDetails", "/requirements"} {
		g := newGraph(t, posture(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, path) {
				return false
			}
			write(w, 503, graphError("ServiceUnavailable", "later"))
			return true
		}))
		_, err := g.client(t).Posture(ctx, tenant, userID)
		assert.Equal(t, fault.ServiceUnavailable, fault.CodeOf(err), path)
	}
}

func TestThisGraphDoesNotTellOfPerUserMFA(t *testing.T) {
	g := newGraph(t, posture(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/beta/") {
			return false
		}
		write(w, 400, graphError("BadRequest", "Resource not found for the segment 'requirements'."))
		return true
	}))
	f, err := g.client(t).Posture(ctx, tenant, userID)
	require.NoError(t, err)
	require.Len(t, f.Missing, 1)
	assert.Equal(t, "per-user multifactor authentication", f.Missing[0].Part)
	assert.Equal(t, "/beta/users/"+userID+"/authentication/requirements", g.last(t).URL.Path)
	assert.Equal(t, "Bearer token-1", g.last(t).Header.Get("Authorization"))
}

// posture answers everything that is looked at, unless before does.
func posture(before func(http.ResponseWriter, *http.Request) bool) http.HandlerFunc {
	answers := map[string]string{
		"/policies/identitySecurityDefaultsEnforcementPolicy": `{"isEnabled":false}`,
		"/users/" + userID: `{"id":"` + userID + `","userPrincipalName":"svc@contoso.com","accountEnabled":true}`,
		"/users/" + userID + "/authentication/requirements": `{"perUserMfaState":"disabled"}`,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if before(w, r) {
			return
		}
		_, path, _ := strings.Cut(r.URL.Path[1:], "/")
		if body, ok := answers["/"+path]; ok {
			write(w, 200, body)
			return
		}
		write(w, 200, `{"value":[]}`)
	}
}

func TestIncompletePosture(t *testing.T) {
	for _, body := range []string{`{}`, `{"isEnabled":null}`} {
		c := newGraph(t, answer(200, body)).client(t)
		_, err := c.SecurityDefaults(ctx, tenant)
		assert.True(t, fault.Is(err, fault.AnswerNotUnderstood), body)
		_, err = c.PerUserMFA(ctx, tenant, userID)
		assert.True(t, fault.Is(err, fault.AnswerNotUnderstood), body)
	}
	c := newGraph(t, answer(200, `{"value":[]}`)).client(t)
	for _, read := range []func(id string) error{
		func(id string) error { _, err := c.GroupsOf(ctx, tenant, id); return err },
		func(id string) error { _, err := c.ServicePlansOf(ctx, tenant, id); return err },
		func(id string) error { _, err := c.PerUserMFA(ctx, tenant, id); return err },
	} {
		assert.True(t, fault.Is(read(""), fault.MalformedCommand), "an empty id would mean everybody")
	}
}

func TestGroupsAndPlansThatCount(t *testing.T) {
	g := newGraph(t, answer(200, `{"value":[{"@odata.type":"#microsoft.graph.group","id":"`+aGroup+`"},{"@odata.type":"#microsoft.graph.directoryRole","id":"`+another+`"},
		{"@odata.type":"#microsoft.graph.administrativeUnit","id":"x"}]}`))
	groups, err := g.client(t).GroupsOf(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, []string{aGroup}, groups)

	g = newGraph(t, answer(200, `{"value":[{"id":"l","servicePlans":[{"servicePlanName":"A","provisioningStatus":"Success"},{"servicePlanName":"B","provisioningStatus":"Disabled"},
		{"servicePlanName":"C","provisioningStatus":"PendingActivation"}]}]}`))
	plans, err := g.client(t).ServicePlansOf(ctx, tenant, userID)
	require.NoError(t, err)
	assert.Equal(t, []string{"A", "C"}, plans)
}

// Graph's limit is one call a second, and it does not say how long to wait.
func TestConditionalAccessIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, world, c := contoso(t)
		world.SetThrottle(tenantfake.Throttle{Scale: 1})
		began := time.Now()
		for range 2 {
			_, err := c.ConditionalAccess(ctx, tenant)
			require.NoError(t, err)
		}
		assert.GreaterOrEqual(t, time.Since(began), time.Second, "it is asked again after as long as that takes")
		server.Fault(tenantfake.Fault{Times: -1, Path: "/identity/conditionalAccess/policies", Decision: tenantfake.Decision{Kind: tenantfake.Throttled}})
		_, err := c.ConditionalAccess(ctx, tenant)
		assert.True(t, fault.Is(err, fault.Throttled), err)
		assert.Equal(t, fault.Transient, fault.ClassOf(err))
		assert.Zero(t, fault.RetryAfter(err))
	})
}

// Every condition and control of a live policy is taken note of.
func TestConditionalAccess(t *testing.T) {
	g := newGraph(t, answer(200, golden(t, "conditional-access.json")))
	policies, err := g.client(t).ConditionalAccess(ctx, tenant)
	require.NoError(t, err)
	require.Len(t, policies, 3)
	assert.Equal(t, fitness.Policy{
		ID: "d7195984-0000-4000-8000-000000000001", Name: "Require multifactor authentication for Microsoft admin portals", State: fitness.Enabled,
		IncludeUsers: []string{"All"}, ExcludeUsers: []string{userID}, IncludeGroups: []string{}, ExcludeGroups: []string{aGroup}, IncludeRoles: []string{}, ExcludeRoles: []string{},
		IncludeApplications: []string{"MicrosoftAdminPortals"}, ExcludeApplications: []string{}, Clients: []string{"all"}, AnyControl: true, Controls: []string{"mfa"},
	}, policies[0])
	assert.Equal(t, []string{"from some locations only", "on some platforms only", "on some devices only", "when the sign-in is taken for risky",
		"when the account is taken for compromised", "when the account is taken for an insider risk"}, policies[1].Narrowed)
	assert.Equal(t, []string{"compliantDevice", "terms of use", "another provider's factor"}, policies[1].Controls)
	assert.False(t, policies[1].AnyControl)
	assert.True(t, policies[1].ApplicationFilter)
	assert.Equal(t, "Phishing-resistant MFA", policies[1].Strength)
	assert.Equal(t, fitness.ReportOnly, policies[1].State)
	assert.True(t, policies[2].OtherSignIns)
	assert.Empty(t, policies[2].Narrowed, "all locations are no condition")
	assert.Equal(t, "d7195984-0000-4000-8000-000000000003", policies[2].Name, "a policy without a name is named by its id")
}
