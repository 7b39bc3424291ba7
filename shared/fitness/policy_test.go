package fitness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fitness"
)

// policy asks everybody for a second factor everywhere, but for what is edited.
func policy(edit func(*fitness.Policy)) fitness.Policy {
	p := fitness.Policy{
		ID: "d7195984", Name: "MFA for all", State: fitness.Enabled, IncludeUsers: []string{"All"}, IncludeApplications: []string{"All"},
		Clients: []string{"all"}, AnyControl: true, Controls: []string{"mfa"},
	}
	if edit != nil {
		edit(&p)
	}
	return p
}

const groupID = "5ecf8b5f-0000-4000-8000-000000000001"

// existing is an account in a group.
func existing(f *fitness.Facts) {
	f.Account.ObjectID, f.Account.Enabled, f.Account.Groups = userID, true, []string{groupID}
}

func TestPoliciesThatCatch(t *testing.T) {
	for name, tt := range map[string]struct {
		policy   func(*fitness.Policy)
		needs    func(*fitness.Needs)
		severity fitness.Severity
		says     []string
	}{
		"everybody":     {nil, nil, fitness.Blocking, []string{`"MFA for all"`, "all users", "all applications", "asks for multifactor authentication"}},
		"a person":      {nil, func(n *fitness.Needs) { n.Unattended = false }, fitness.Warning, nil},
		"by name":       {func(p *fitness.Policy) { p.IncludeUsers = []string{userID} }, nil, fitness.Blocking, []string{"this account by name"}},
		"by role":       {func(p *fitness.Policy) { p.IncludeUsers, p.IncludeRoles = nil, []string{security} }, nil, fitness.Blocking, []string{"the role Security Administrator"}},
		"by group":      {func(p *fitness.Policy) { p.IncludeUsers, p.IncludeGroups = nil, []string{groupID} }, nil, fitness.Blocking, []string{"the group " + groupID}},
		"a strength":    {func(p *fitness.Policy) { p.Controls, p.Strength = nil, "Phishing-resistant MFA" }, nil, fitness.Blocking, []string{`the authentication strength "Phishing-resistant MFA"`}},
		"a block":       {func(p *fitness.Policy) { p.Controls = []string{"block"} }, func(n *fitness.Needs) { n.Unattended = false }, fitness.Blocking, []string{"blocks the sign-in"}},
		"a device":      {func(p *fitness.Policy) { p.Controls = []string{"compliantDevice"} }, func(n *fitness.Needs) { n.Unattended = false }, fitness.Blocking, []string{"a compliant device"}},
		"one of two":    {func(p *fitness.Policy) { p.Controls = []string{"mfa", "compliantDevice"} }, func(n *fitness.Needs) { n.Unattended = false }, fitness.Warning, []string{"multifactor authentication or a compliant device"}},
		"both":          {func(p *fitness.Policy) { p.Controls, p.AnyControl = []string{"mfa", "compliantDevice"}, false }, func(n *fitness.Needs) { n.Unattended = false }, fitness.Blocking, []string{"multifactor authentication and a compliant device"}},
		"unheard of":    {func(p *fitness.Policy) { p.Controls = []string{"newControl"} }, nil, fitness.Blocking, []string{"asks for newControl"}},
		"Exchange":      {func(p *fitness.Policy) { p.IncludeApplications = []string{exchange} }, nil, fitness.Blocking, []string{"the application Office 365 Exchange Online"}},
		"the suite":     {func(p *fitness.Policy) { p.IncludeApplications = []string{"Office365"} }, nil, fitness.Blocking, []string{"Office 365 Exchange Online"}},
		"admin portals": {func(p *fitness.Policy) { p.IncludeApplications = []string{"MicrosoftAdminPortals"} }, func(n *fitness.Needs) { n.AdminPortals = true }, fitness.Blocking, []string{"the admin portals"}},
		"nobody knows":  {func(p *fitness.Policy) { p.IncludeApplications = []string{"Office365", "x"} }, func(n *fitness.Needs) { n.Applications = nil }, fitness.Blocking, []string{"some applications (Office 365, x)"}},
		"an attribute":  {func(p *fitness.Policy) { p.IncludeApplications, p.ApplicationFilter = nil, true }, nil, fitness.Warning, []string{"certain attributes"}},
		"legacy": {func(p *fitness.Policy) {
			p.Clients, p.Controls = []string{"exchangeActiveSync", "other"}, []string{"block"}
		}, func(n *fitness.Needs) { n.Clients = []fitness.Client{fitness.Other} }, fitness.Blocking, []string{"with legacy authentication"}},
		"a supported EAS": {func(p *fitness.Policy) { p.Clients = []string{"easSupported"} }, func(n *fitness.Needs) { n.Clients = []fitness.Client{fitness.ActiveSync} }, fitness.Blocking, []string{"with Exchange ActiveSync"}},
		"somewhere":       {func(p *fitness.Policy) { p.Narrowed = []string{"from some locations only", "on some platforms only"} }, nil, fitness.Warning, []string{"from some locations only, on some platforms only"}},
		"only reported":   {func(p *fitness.Policy) { p.State = fitness.ReportOnly }, nil, fitness.Note, []string{"For now it only reports"}},
		"another is excluded": {func(p *fitness.Policy) {
			p.ExcludeUsers, p.ExcludeRoles, p.ExcludeGroups = []string{"x"}, []string{"x"}, []string{"x"}
		}, nil, fitness.Blocking, nil},
		"Graph is excluded": {func(p *fitness.Policy) { p.ExcludeApplications = []string{graph} }, func(n *fitness.Needs) { n.Applications = []string{graph, exchange} }, fitness.Blocking, nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := needs()
			if tt.needs != nil {
				tt.needs(&n)
			}
			f := facts(existing, func(f *fitness.Facts) { f.Policies = []fitness.Policy{policy(tt.policy)} })
			some := found(fitness.Evaluate(f, n), fitness.ConditionalAccess)
			require.Len(t, some, 1)
			assert.Equal(t, tt.severity, some[0].Severity)
			assert.Equal(t, "d7195984", some[0].Policy)
			assert.NotEmpty(t, some[0].Remedy)
			for _, words := range tt.says {
				assert.Contains(t, some[0].Text, words)
			}
		})
	}
}

func TestPoliciesThatDoNot(t *testing.T) {
	for name, tt := range map[string]func(*fitness.Policy){
		"switched off":             func(p *fitness.Policy) { p.State = fitness.Disabled },
		"others":                   func(p *fitness.Policy) { p.IncludeUsers = []string{"None", "GuestsOrExternalUsers", "x"} },
		"excluded by name":         func(p *fitness.Policy) { p.ExcludeUsers = []string{userID} },
		"excluded by group":        func(p *fitness.Policy) { p.ExcludeGroups = []string{groupID} },
		"excluded by role":         func(p *fitness.Policy) { p.ExcludeRoles = []string{security} },
		"other applications":       func(p *fitness.Policy) { p.IncludeApplications = []string{graph} },
		"the application excluded": func(p *fitness.Policy) { p.ExcludeApplications = []string{exchange} },
		"the suite excluded":       func(p *fitness.Policy) { p.ExcludeApplications = []string{"Office365"} },
		"admin portals":            func(p *fitness.Policy) { p.IncludeApplications = []string{"MicrosoftAdminPortals"} },
		"registering only":         func(p *fitness.Policy) { p.IncludeApplications = nil },
		"no application":           func(p *fitness.Policy) { p.IncludeApplications = []string{"None"} },
		"legacy only":              func(p *fitness.Policy) { p.Clients = []string{"exchangeActiveSync", "other"} },
		"workload identities":      func(p *fitness.Policy) { p.OtherSignIns = true },
		"sessions only":            func(p *fitness.Policy) { p.Controls = nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(existing, func(f *fitness.Facts) { f.Policies = []fitness.Policy{policy(tt)} })
			assert.Empty(t, found(fitness.Evaluate(f, needs()), fitness.ConditionalAccess))
		})
	}
	f := facts(func(f *fitness.Facts) {
		f.Policies = []fitness.Policy{policy(func(p *fitness.Policy) { p.IncludeUsers = []string{""} }), policy(func(p *fitness.Policy) { p.IncludeApplications = []string{"MicrosoftAdminPortals"} })}
	})
	assert.Empty(t, found(fitness.Evaluate(f, needs(func(n *fitness.Needs) { n.Applications = nil })), fitness.ConditionalAccess), "a new account has no id, and no work in the portals")
}
