package entra

import (
	"cmp"
	"slices"

	"github.com/usher365/usher/shared/fitness"
)

// wirePolicyCA is a Conditional Access policy as Graph writes it (reference: Microsoft
// Graph, conditionalAccessPolicy). A condition that is null, or an empty list, does not narrow.
type wirePolicyCA struct {
	ID, DisplayName, State string

	Conditions struct {
		ClientAppTypes []string
		Users          struct {
			IncludeUsers, ExcludeUsers   []string
			IncludeGroups, ExcludeGroups []string
			IncludeRoles, ExcludeRoles   []string
		}
		Applications struct {
			IncludeApplications, ExcludeApplications []string
			ApplicationFilter                        *present
		}
		ClientApplications *struct {
			IncludeServicePrincipals []string
		}
		AuthenticationFlows *struct{ TransferMethods string }
		Locations           *struct{ IncludeLocations, ExcludeLocations []string }
		Platforms           *struct{ IncludePlatforms, ExcludePlatforms []string }
		Devices             *struct{ DeviceFilter *present }
		InsiderRiskLevels   string
		SignInRiskLevels    []string
		UserRiskLevels      []string
	}
	GrantControls *struct {
		Operator                    string
		BuiltInControls             []string
		CustomAuthenticationFactors []string
		TermsOfUse                  []string
		AuthenticationStrength      *struct{ ID, DisplayName string }
	}
}

// present is a condition of which only its being there counts.
type present struct{}

func (w wirePolicyCA) key() string { return w.ID }

func (w wirePolicyCA) policy() fitness.Policy {
	who, what := w.Conditions.Users, w.Conditions.Applications
	p := fitness.Policy{
		ID: w.ID, Name: cmp.Or(w.DisplayName, w.ID), State: fitness.PolicyState(w.State),
		IncludeUsers: who.IncludeUsers, ExcludeUsers: who.ExcludeUsers,
		IncludeGroups: who.IncludeGroups, ExcludeGroups: who.ExcludeGroups,
		IncludeRoles: who.IncludeRoles, ExcludeRoles: who.ExcludeRoles,
		IncludeApplications: what.IncludeApplications, ExcludeApplications: what.ExcludeApplications,
		ApplicationFilter: what.ApplicationFilter != nil,
		Clients:           w.Conditions.ClientAppTypes, Narrowed: w.narrowed(), OtherSignIns: w.otherSignIns(),
	}
	w.addControls(&p)
	return p
}

func (w wirePolicyCA) otherSignIns() bool {
	apps, flows := w.Conditions.ClientApplications, w.Conditions.AuthenticationFlows
	return apps != nil && len(apps.IncludeServicePrincipals) > 0 || flows != nil && flows.TransferMethods != "" && flows.TransferMethods != "none"
}

// narrowed says in words which conditions the tenant's settings alone do not decide.
func (w wirePolicyCA) narrowed() (conditions []string) {
	c := w.Conditions
	for _, narrows := range []struct {
		words string
		holds bool
	}{
		{"from some locations only", c.Locations != nil && some(c.Locations.IncludeLocations, c.Locations.ExcludeLocations)},
		{"on some platforms only", c.Platforms != nil && some(c.Platforms.IncludePlatforms, c.Platforms.ExcludePlatforms)},
		{"on some devices only", c.Devices != nil && c.Devices.DeviceFilter != nil},
		{"when the sign-in is taken for risky", len(c.SignInRiskLevels) > 0},
		{"when the account is taken for compromised", len(c.UserRiskLevels) > 0},
		{"when the account is taken for an insider risk", c.InsiderRiskLevels != ""},
	} {
		if narrows.holds {
			conditions = append(conditions, narrows.words)
		}
	}
	return conditions
}

// some reports whether a condition leaves anything out.
func some(include, exclude []string) bool {
	everything := slices.Contains(include, "All") || slices.Contains(include, "all")
	return len(exclude) > 0 || len(include) > 0 && !everything
}

func (w wirePolicyCA) addControls(p *fitness.Policy) {
	g := w.GrantControls
	if g == nil {
		return
	}
	p.AnyControl = g.Operator == "OR"
	p.Controls = slices.Clone(g.BuiltInControls)
	if len(g.TermsOfUse) > 0 {
		p.Controls = append(p.Controls, "terms of use")
	}
	if len(g.CustomAuthenticationFactors) > 0 {
		p.Controls = append(p.Controls, "another provider's factor")
	}
	if s := g.AuthenticationStrength; s != nil {
		p.Strength = cmp.Or(s.DisplayName, s.ID)
	}
}
