package fitness

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
)

func TestCatching(t *testing.T) {
	everybody := Policy{ID: "p1", Name: "All", State: Enabled, IncludeUsers: []string{"All"}, IncludeApplications: []string{"All"}, Controls: []string{"mfa"}}
	f := Facts{SecurityDefaults: true, Policies: []Policy{everybody}, Account: Account{ObjectID: "oid"}}
	found := Catching(f, Needs{Unattended: true})
	if assert.Len(t, found, 1, "nothing but policies") {
		assert.Equal(t, "p1", found[0].Policy)
		assert.Equal(t, Blocking, found[0].Severity)
	}
	assert.Empty(t, Catching(f, Needs{AppIdentity: AppOnly}))
	assert.True(t, Policy{ExcludeUsers: []string{"OID"}}.Excludes("oid"))
	assert.False(t, Policy{}.Excludes(""))
}

func TestThroughGroups(t *testing.T) {
	policy := func(edit func(*Policy)) Policy {
		p := Policy{ID: "p1", State: Enabled, IncludeApplications: []string{"All"}, Controls: []string{"mfa"}}
		edit(&p)
		return p
	}
	for name, tt := range map[string]struct {
		policy Policy
		needs  Needs
		want   bool
	}{
		"everybody":                {policy(func(p *Policy) { p.IncludeUsers = []string{"All"} }), Needs{}, false},
		"everybody but a group":    {policy(func(p *Policy) { p.IncludeUsers, p.ExcludeGroups = []string{"All"}, []string{"g"} }), Needs{}, true},
		"a group":                  {policy(func(p *Policy) { p.IncludeGroups = []string{"g"} }), Needs{}, true},
		"a group but this account": {policy(func(p *Policy) { p.IncludeGroups, p.ExcludeUsers = []string{"g"}, []string{"oid"} }), Needs{}, false},
		"a group but its role":     {policy(func(p *Policy) { p.IncludeGroups, p.ExcludeRoles = []string{"g"}, []string{"r"} }), Needs{Roles: []string{"r"}}, false},
		"others":                   {policy(func(p *Policy) { p.IncludeUsers, p.ExcludeGroups = []string{"other"}, []string{"g"} }), Needs{}, false},
		"a group, for another application": {policy(func(p *Policy) { p.IncludeGroups, p.IncludeApplications = []string{"g"}, []string{"a"} }),
			Needs{Applications: []string{"b"}}, false},
		"a group, switched off":   {policy(func(p *Policy) { p.IncludeGroups, p.State = []string{"g"}, Disabled }), Needs{}, false},
		"a group, an application": {policy(func(p *Policy) { p.IncludeGroups = []string{"g"} }), Needs{AppIdentity: AppOnly}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := Facts{Policies: []Policy{tt.policy}, Account: Account{ObjectID: "oid", Groups: []string{"g"}}}
			assert.Equal(t, tt.want, len(ThroughGroups(f, tt.needs)) == 1)
		})
	}
}

func TestNeedsOf(t *testing.T) {
	n := NeedsOf(events.FitnessNeeds{
		Unattended: true, Roles: []string{"r"}, Applications: []string{"a"}, Clients: []string{"browser"}, AdminPortals: true,
		Plans: []events.FitnessPlan{{For: "a mailbox", AnyOf: []string{"p"}}}, AppIdentity: "refused",
	})
	assert.Equal(t, Needs{
		Unattended: true, Roles: []string{"r"}, Applications: []string{"a"}, Clients: []Client{Browser}, AdminPortals: true,
		Plans: []Plan{{For: "a mailbox", AnyOf: []string{"p"}}}, AppIdentity: AppRefused,
	}, n)
}
