package tenantfake

import (
	"net/http"
	"strings"
)

// neverExpires is passwordValidityPeriodInDays of a domain whose passwords do not expire.
const neverExpires = 2147483647

func (d Domain) object(initial string) map[string]any {
	auth := "Managed"
	if d.Federated {
		auth = "Federated"
	}
	return map[string]any{
		"id": d.Name, "authenticationType": auth, "isInitial": d.Name == initial, "isDefault": d.Default, "isVerified": !d.Unverified,
		"isRoot": true, "isAdminManaged": true, "availabilityStatus": nil, "state": nil,
		"supportedServices":            []any{"Email", "OfficeCommunicationsOnline"},
		"passwordValidityPeriodInDays": neverExpires, "passwordNotificationWindowInDays": 14,
	}
}

func (c *graphCall) listDomains() *response {
	var objects []map[string]any
	for _, d := range c.t.domains() {
		objects = append(objects, d.object(c.t.spec.InitialDomain))
	}
	return c.collection("domains", nil, objects)
}

func (c *graphCall) readDomain() *response {
	d, ok := c.t.domain(c.params["id"])
	if !ok {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "domains/$entity", pick(d.object(c.t.spec.InitialDomain), c.option("select")))
}

func (t *Tenant) organizationObject() map[string]any {
	verified := []any{}
	for _, d := range t.domains() {
		if !d.Unverified {
			verified = append(verified, map[string]any{"name": d.Name, "isDefault": d.Default, "isInitial": d.Name == t.spec.InitialDomain,
				"type": d.object("")["authenticationType"], "capabilities": "Email, OfficeCommunicationsOnline"})
		}
	}
	var synced any
	if t.spec.OnPremisesSync {
		synced = true
	}
	return map[string]any{
		"id": t.ID(), "displayName": t.spec.DisplayName, "verifiedDomains": verified, "onPremisesSyncEnabled": synced,
		"onPremisesLastSyncDateTime": nil, "countryLetterCode": "GB", "technicalNotificationMails": []any{}, "tenantType": "AAD",
		"assignedPlans": []any{},
	}
}

func (c *graphCall) listOrganization() *response {
	return c.collection("organization", nil, []map[string]any{c.t.organizationObject()})
}

func (c *graphCall) readOrganization() *response {
	if !strings.EqualFold(c.params["id"], c.t.ID()) {
		return c.notFound(c.params["id"])
	}
	return c.entity(http.StatusOK, "organization/$entity", pick(c.t.organizationObject(), c.option("select")))
}

func (s SKU) plans() []any {
	out := []any{}
	for _, p := range s.Plans {
		out = append(out, map[string]any{"appliesTo": "User", "provisioningStatus": "Success", "servicePlanId": p.ID, "servicePlanName": p.Name})
	}
	return out
}

func (c *graphCall) listSKUs() *response {
	used := map[string]int{}
	for _, rec := range c.t.users {
		if u := live(rec.current()); u != nil {
			for _, id := range u.Licenses {
				used[id]++
			}
		}
	}
	objects := []map[string]any{}
	for _, s := range c.t.spec.SKUs {
		objects = append(objects, map[string]any{
			"accountId": c.t.ID(), "accountName": strings.Split(c.t.spec.InitialDomain, ".")[0], "appliesTo": "User",
			"capabilityStatus": "Enabled", "consumedUnits": used[s.SkuID], "id": c.t.ID() + "_" + s.SkuID, "skuId": s.SkuID,
			"skuPartNumber": s.PartNumber, "subscriptionIds": []any{}, "servicePlans": s.plans(),
			"prepaidUnits": map[string]any{"enabled": s.Enabled, "lockedOut": 0, "suspended": 0, "warning": 0},
		})
	}
	return c.collection("subscribedSkus", nil, objects)
}
