package tenantfake

import (
	"cmp"
	"net/http"
	"time"
)

func (c *graphCall) securityDefaults() *response {
	return c.entity(http.StatusOK, "policies/identitySecurityDefaultsEnforcementPolicy/$entity", map[string]any{
		"id": "00000000-0000-0000-0000-000000000005", "displayName": "Security Defaults", "isEnabled": c.t.spec.SecurityDefaults,
		"description": "Security defaults is a set of basic identity security mechanisms recommended by Microsoft.",
	})
}

func (c *graphCall) listConditionalAccess() *response {
	objects := []map[string]any{}
	for _, p := range c.t.spec.ConditionalAccess {
		objects = append(objects, p.object())
	}
	return c.collection("identity/conditionalAccess/policies", map[string]filterable{"displayName": basic, "state": basic, "id": basic}, objects)
}

// object renders a policy with every array present and unused conditions null, as the service does.
func (p ConditionalAccessPolicy) object() map[string]any {
	var strength, modified any
	if !p.Modified.IsZero() {
		modified = p.Modified.UTC().Format(time.RFC3339)
	}
	if p.AuthenticationStrength {
		strength = map[string]any{"id": "00000000-0000-0000-0000-000000000002", "displayName": "Multifactor authentication", "requirementsSatisfied": "mfa"}
	}
	return map[string]any{
		"id": p.ID, "displayName": p.DisplayName, "state": cmp.Or(p.State, "enabled"), "templateId": nil,
		"createdDateTime": "2025-09-24T13:37:16Z", "modifiedDateTime": modified, "deletedDateTime": nil,
		"conditions": map[string]any{
			"clientAppTypes": listOr(p.ClientAppTypes, "all"),
			"applications": map[string]any{
				"includeApplications": listOr(p.IncludeApplications, "All"), "excludeApplications": listOr(p.ExcludeApplications), "includeUserActions": []any{},
				"includeAuthenticationContextClassReferences": []any{}, "applicationFilter": nil,
			},
			"users": map[string]any{
				"includeUsers": p.includedUsers(), "excludeUsers": listOr(p.ExcludeUsers),
				"includeGroups": listOr(p.IncludeGroups), "excludeGroups": listOr(p.ExcludeGroups),
				"includeRoles": listOr(p.IncludeRoles), "excludeRoles": listOr(p.ExcludeRoles),
				"includeGuestsOrExternalUsers": nil, "excludeGuestsOrExternalUsers": nil,
			},
			"locations": p.locations(), "platforms": nil, "devices": nil, "clientApplications": nil, "authenticationFlows": p.flows(), "insiderRiskLevels": nil,
			"signInRiskLevels": []any{}, "userRiskLevels": []any{}, "servicePrincipalRiskLevels": []any{},
		},
		"grantControls": map[string]any{
			"operator": "OR", "builtInControls": listOr(p.BuiltInControls), "customAuthenticationFactors": []any{}, "termsOfUse": []any{},
			"authenticationStrength": strength,
		},
		"sessionControls": nil,
	}
}

func (p ConditionalAccessPolicy) locations() any {
	if len(p.IncludeLocations)+len(p.ExcludeLocations) == 0 {
		return nil
	}
	return map[string]any{"includeLocations": listOr(p.IncludeLocations, "All"), "excludeLocations": listOr(p.ExcludeLocations)}
}

func (p ConditionalAccessPolicy) flows() any {
	if p.TransferMethods == "" {
		return nil
	}
	return map[string]any{"transferMethods": p.TransferMethods}
}

// includedUsers is everybody when the policy names neither users nor groups nor roles.
func (p ConditionalAccessPolicy) includedUsers() []any {
	if len(p.IncludeGroups)+len(p.IncludeRoles) > 0 {
		return listOr(p.IncludeUsers)
	}
	return listOr(p.IncludeUsers, "All")
}

func listOr(list []string, otherwise ...string) []any {
	if len(list) == 0 {
		list = otherwise
	}
	out := make([]any, 0, len(list))
	for _, s := range list {
		out = append(out, s)
	}
	return out
}
