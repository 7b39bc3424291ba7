package tenantfake

import (
	"fmt"
	"strings"
)

// roleDef is a built-in directory role.
type roleDef struct {
	ID, Name string
}

// roleTable holds the built-in roles that provisioning meets (reference: Microsoft Entra docs, built-in roles). The id is the template
// id, which for built-in roles is the definition id too.
var roleTable = []roleDef{
	{"62e90394-69f5-4237-9190-012177145e10", "Global Administrator"},
	{"194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator"},
	{"f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator"},
	{"29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"},
	{"31392ffb-586c-42d1-9346-e59415a2cc4e", "Exchange Recipient Administrator"},
	{"5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader"},
	{"5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", "Security Operator"},
	{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"},
	{"4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader"},
	{"75934031-6c7e-415a-99d7-48dbd49e875e", "Usage Summary Reports Reader"},
	{"fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"},
	{"729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"},
	{"4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator"},
	{"17315797-102d-40b4-93e0-432062caca18", "Compliance Administrator"},
	{"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"},
	{"158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"},
	{"e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"},
	{"7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator"},
	{"8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", "Hybrid Identity Administrator"},
	{"88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"},
	{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "Message Center Reader"},
	{"8329153b-31d0-4727-b945-745eb3bc5f31", "Domain Name Administrator"},
	{"f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "SharePoint Administrator"},
}

// roleNamed finds a role by display name or id, in any case.
func roleNamed(nameOrID string) *roleDef {
	for i := range roleTable {
		if r := &roleTable[i]; strings.EqualFold(r.ID, nameOrID) || strings.EqualFold(r.Name, nameOrID) {
			return r
		}
	}
	return nil
}

func (t *Tenant) mustRole(nameOrID string) *roleDef {
	r := roleNamed(nameOrID)
	if r == nil {
		panic(fmt.Sprintf("tenantfake: tenant %s: no directory role %q", t.spec.InitialDomain, nameOrID))
	}
	return r
}

// lowPrivilege are the roles whose holders a User Administrator may disable, delete or reset; only a Privileged Authentication
// Administrator or Global Administrator may do so to holders of any other (reference: Microsoft Graph docs, users, "Who can perform
// sensitive actions").
var lowPrivilege = map[string]bool{
	"Directory Readers": true, "Helpdesk Administrator": true, "Message Center Reader": true, "Reports Reader": true,
	"User Administrator": true, "Usage Summary Reports Reader": true,
}

// mayTouch reports whether an app with these directory roles (template ids) may do a sensitive action to a user with those.
func mayTouch(wids []string, held []*roleDef) bool {
	user, all := false, false
	for _, id := range wids {
		switch r := roleNamed(id); {
		case r == nil:
		case r.Name == "Global Administrator", r.Name == "Privileged Authentication Administrator":
			all = true
		case r.Name == "User Administrator":
			user = true
		}
	}
	for _, r := range held {
		if !all && !(user && lowPrivilege[r.Name]) {
			return false
		}
	}
	return true
}
