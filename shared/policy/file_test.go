package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/schema"
)

func check(t *testing.T) func(any) error {
	t.Helper()
	s, err := schema.Compile("policy", []byte(policy.Schema))
	require.NoError(t, err)
	return s.CheckValue
}

const head = "schema: usher.policy/v1\n"

func parse(t *testing.T, text string) policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(head+text), check(t))
	require.NoError(t, err)
	return p
}

func TestTheBuiltinPolicyIsAFileToo(t *testing.T) {
	p, err := policy.Parse([]byte(policy.BuiltinText()), check(t))
	require.NoError(t, err)
	assert.Equal(t, policy.Builtin(), p)
	assert.Equal(t, policy.Builtin(), parse(t, ""), "what is left out is as in the built-in policy")
	rules := p.For("any")
	assert.Equal(t, policy.Limits{Min: 2, Max: 8}, rules.Administrators)
	assert.Equal(t, 7*24*time.Hour, rules.ApprovalLife)
	assert.Empty(t, rules.Approvers)
}

func TestRolesAreCalledAsElsewhere(t *testing.T) {
	var doc struct {
		Tiers map[string]struct {
			DirectoryRoles     []struct{ Name, ID string } `yaml:"directoryRoles"`
			ExchangeRoleGroups []string                    `yaml:"exchangeRoleGroups"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(policy.BuiltinText()), &doc))
	known := 0
	for _, tier := range doc.Tiers {
		for _, r := range tier.DirectoryRoles {
			if _, name, ok := profile.Role(r.ID); ok {
				assert.Equal(t, name, r.Name)
				known++
			}
			if id, _, ok := profile.Role(r.Name); ok {
				assert.Equal(t, id, r.ID)
			}
		}
		for _, g := range tier.ExchangeRoleGroups {
			canonical, ok := profile.RoleGroup(g)
			assert.True(t, ok, g)
			assert.Equal(t, canonical, g)
		}
	}
	assert.GreaterOrEqual(t, known, 21)
}

func TestEveryProfilesRolesAreListed(t *testing.T) {
	profiles, err := profile.Load(profile.Builtin(), nil)
	require.NoError(t, err)
	for _, p := range profiles.List() {
		var rights []policy.Right
		for _, r := range p.Access.DirectoryRoles {
			rights = append(rights, policy.Right{Kind: policy.DirectoryRole, ID: r.ID, Name: r.Name})
		}
		for _, g := range p.Access.ExchangeRoleGroups {
			rights = append(rights, policy.Right{Kind: policy.RoleGroup, Name: g})
		}
		d := policy.Builtin().Decide(policy.Facts{Rights: rights})
		assert.True(t, d.Tier.Allows(), "%s: %s", p.Name, policy.Explain(d))
	}
}

const bigRole = "{name: Global Administrator, id: 62e90394-69f5-4237-9190-012177145e10}"

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"Empty":           {"", "empty"},
		"NotYAML":         {"schema: [", "yaml"},
		"OtherSchema":     {"schema: usher.policy/v2\n", "usher.policy/v1"},
		"UnknownKey":      {head + "colour: red\n", "field colour not found"},
		"TwoDocuments":    {head + "---\n" + head, "one policy"},
		"WrongType":       {head + "approvals: {validDays: soon}\n", "line 2"},
		"CheapBigRole":    {head + "tiers: {oneApprover: {directoryRoles: [" + bigRole + "]}}\n", "cannot be in tier one approver"},
		"CheapPermission": {head + "tiers: {automatic: {appPermissions: [{resource: Microsoft Graph, application: [rolemanagement.readwrite.directory]}]}}\n", "leads to every other right"},
		"Disguised":       {head + "tiers: {twoApprovers: {directoryRoles: [{name: Global Reader, id: 62e90394-69f5-4237-9190-012177145e10}]}}\n", `not "Global Reader"`},
		"Twice":           {head + "tiers: {automatic: {exchangeRoleGroups: [Help Desk]}, oneApprover: {exchangeRoleGroups: [help desk]}}\n", "in tier automatic already"},
		"NameTwice":       {head + "tiers: {automatic: {directoryRoles: [{name: A, id: 00000000-0000-0000-0000-000000000001}, {name: a, id: 00000000-0000-0000-0000-000000000002}]}}\n", "both called"},
		"NotAnID":         {head + "tiers: {automatic: {directoryRoles: [{name: A, id: A}]}}\n", "no role template id"},
		"NoName":          {head + "tiers: {automatic: {exchangeRoleGroups: ['']}}\n", "has the name"},
		"Resource":        {head + "tiers: {automatic: {appPermissions: [{resource: Graph, delegated: [User.Read]}]}}\n", "Office 365 Exchange Online"},
		"Setting":         {head + "tiers: {automatic: {settings: [everything]}}\n", "no setting"},
		"Days":            {head + "tiers: {oneApprover: {maxDays: -1}}\n", "tiers.oneApprover.maxDays is -1"},
		"LongerAbove":     {head + "tiers: {oneApprover: {maxDays: 5}, twoApprovers: {maxDays: 6}}\n", "more than the 5"},
		"ForbiddenNeeds":  {head + "tiers: {forbidden: {maxDays: 5}}\n", "maxDays not found"},
		"Limits":          {head + "globalAdministrators: {min: 0, max: 8}\n", "min is 0"},
		"LimitsMeet":      {head + "globalAdministrators: {min: 2, max: 2}\n", "max above min"},
		"Life":            {head + "approvals: {validDays: 400}\n", "1 to 90"},
		"Nameless":        {head + "approvals: {approvers: [{id: a}]}\n", "an id and a name"},
		"OnePersonTwice":  {head + "approvals: {approvers: [{id: jane@contoso.com, name: Jane}, {id: j2, name: J, email: JANE@fabrikam.com}]}\n", "jane@contoso.com and j2 may be one person"},
		"Offer":           {head + "narrower: [{directoryRole: Global Administrator, offer: Wizard, when: always}]\n", "Wizard"},
		"OfferOfNothing":  {head + "narrower: [{offer: Global Reader, when: always}]\n", "narrower[0]"},
		"OfferWhen":       {head + "narrower: [{directoryRole: Global Administrator, offer: Global Reader}]\n", "when is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.Parse([]byte(test.text), nil)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, policy.Policy{}, p)
		})
	}
}

func TestATenantCanOnlyTighten(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"Lower":     {"{tiers: {automatic: {directoryRoles: [" + bigRole + "]}}}", "the policy has directory role Global Administrator in tier two approvers"},
		"Unlisted":  {"{tiers: {oneApprover: {exchangeRoleGroups: [Our Group]}}}", "does not list Exchange role group Our Group"},
		"Allowed":   {"{tiers: {twoApprovers: {appPermissions: [{resource: Microsoft Graph, application: [RoleManagement.ReadWrite.Directory]}]}}}", "in tier forbidden"},
		"Longer":    {"{tiers: {twoApprovers: {maxDays: 91}}}", "more than the 90"},
		"Days":      {"{tiers: {automatic: {maxDays: 4000}}}", "1 to 3650"},
		"Renamed":   {"{tiers: {forbidden: {directoryRoles: [{name: Root, id: 62e90394-69f5-4237-9190-012177145e10}]}}}", "the policy calls"},
		"Twice":     {"{tiers: {twoApprovers: {exchangeRoleGroups: [Help Desk]}, forbidden: {exchangeRoleGroups: [Help Desk]}}}", "given twice"},
		"Wider":     {"{globalAdministrators: {min: 1, max: 8}}", "wider than the policy's 2 to 8"},
		"Life":      {"{approvals: {validDays: 8}}", "1 to 7"},
		"Negative":  {"{approvals: {validDays: -1}}", "1 to 7"},
		"Approvers": {"{approvals: {approvers: [eve]}}", `"eve" is not the id`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse([]byte(head+"tenants: {contoso: "+test.text+"}\n"), nil)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "tenants.contoso.")
		})
	}
}

func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	_, err := policy.Parse([]byte(`
colour: red
tiers:
  automatic: {directoryRoles: [`+bigRole+`, {name: B, id: b}], exchangeRoleGroups: [A, A], maxDays: -3}
globalAdministrators: {min: 9, max: 8}
approvals: {validDays: -1, approvers: [{id: a}, {id: b, name: B}, {id: B, name: C}]}
narrower: [{directoryRole: X, offer: Y}]
tenants:
  contoso: {tiers: {automatic: {exchangeRoleGroups: [Z]}}}
  fabrikam: {approvals: {approvers: [q]}}
`), nil)
	for _, want := range []string{
		"field colour", `schema is ""`, "cannot be in tier automatic", "no role template id", "in tier automatic already", "maxDays is -3",
		"min is 9", "validDays is -1", "approvers[0]", "may be one person", `"X"`, `"Y"`, "when is missing",
		"tenants.contoso.tiers.automatic", "tenants.fabrikam.approvals",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestTheSchemaIsAsked(t *testing.T) {
	_, err := policy.Parse([]byte(head), func(any) error { return errors.New("not today") })
	require.ErrorContains(t, err, "not today")
	_, err = policy.Parse([]byte(head+"tenants: {contoso: {approvals: {approvers: []}}}\n"), check(t))
	require.ErrorContains(t, err, "/tenants/contoso/approvals/approvers")
}

func TestForATenant(t *testing.T) {
	p := parse(t, `
approvals: {validDays: 5, approvers: [{id: jane@contoso.com, name: Jane Doe}, {id: max@contoso.com, name: Max Roe}]}
tenants:
  contoso:
    globalAdministrators: {min: 3, max: 5}
    approvals: {validDays: 1, approvers: [max@contoso.com]}
`)
	assert.Equal(t, []string{"contoso"}, p.Tenants())
	own, other := p.For("contoso"), p.For("fabrikam")
	assert.Equal(t, policy.Limits{Min: 3, Max: 5}, own.Administrators)
	assert.Equal(t, policy.Limits{Min: 2, Max: 8}, other.Administrators)
	assert.Equal(t, 24*time.Hour, own.ApprovalLife)
	assert.Equal(t, 5*24*time.Hour, other.ApprovalLife)
	require.Len(t, own.Approvers, 1)
	assert.Equal(t, "Max Roe", own.Approvers[0].Name)
	assert.Len(t, other.Approvers, 2)
}
