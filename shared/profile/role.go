package profile

import "strings"

// roles are the built-in directory roles a request may name: display name and
// template id, which is also the role definition id (Microsoft Entra built-in roles).
var roles = []RoleRef{
	{"Application Administrator", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"},
	{"Cloud Application Administrator", "158c047a-c907-4556-b7ef-446551a6b5f7"},
	{"Compliance Administrator", "17315797-102d-40b4-93e0-432062caca18"},
	{"Directory Readers", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"},
	{"Domain Name Administrator", "8329153b-31d0-4727-b945-745eb3bc5f31"},
	{"Exchange Administrator", "29232cdf-9323-42fd-ade2-1d097af3e4de"},
	{"Exchange Recipient Administrator", "31392ffb-586c-42d1-9346-e59415a2cc4e"},
	{"Global Administrator", "62e90394-69f5-4237-9190-012177145e10"},
	{"Global Reader", "f2ef992c-3afb-46b9-b7cf-a126ee74c451"},
	{"Helpdesk Administrator", "729827e3-9c14-49f7-bb1b-9608f156bbb8"},
	{"Hybrid Identity Administrator", "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"},
	{"License Administrator", "4d6ac14f-3453-41d0-bef9-a3e0c569773a"},
	{"Message Center Reader", "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b"},
	{"Privileged Authentication Administrator", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"},
	{"Privileged Role Administrator", "e8611ab8-c189-46e8-94e1-60213ab1f814"},
	{"Reports Reader", "4a5d8f65-41da-4de4-8968-e035b65339cf"},
	{"Security Administrator", "194ae4cb-b126-40b2-bd5b-6091b380977d"},
	{"Security Operator", "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f"},
	{"Security Reader", "5d6b6bb7-de71-4623-b4af-96380a352509"},
	{"Service Support Administrator", "f023fd81-a637-4b56-95fd-791ac0226033"},
	{"SharePoint Administrator", "f28a1f50-f6e7-4571-818b-6a12f2af6b6c"},
	{"Usage Summary Reports Reader", "75934031-6c7e-415a-99d7-48dbd49e875e"},
	{"User Administrator", "fe930be7-5e62-47db-91af-98c3a49a38b1"},
}

// roleGroups are the built-in Exchange Online role groups that members may be added
// to by hand; the groups that mirror directory roles are left out
// (Exchange Online: Permissions in Exchange Online).
var roleGroups = []string{
	"Compliance Management", "Discovery Management", "Help Desk", "Hygiene Management",
	"Organization Management", "Recipient Management", "Records Management",
	"Security Administrator", "Security Operator", "Security Reader",
	"View-Only Organization Management",
}

// Role finds a directory role by display name or template id, in any case of letters.
func Role(nameOrID string) (id, name string, ok bool) {
	for _, r := range roles {
		if strings.EqualFold(r.Name, nameOrID) || strings.EqualFold(r.ID, nameOrID) {
			return r.ID, r.Name, true
		}
	}
	return "", "", false
}

// RoleGroup finds a built-in Exchange role group by name, in any case of letters.
func RoleGroup(name string) (canonical string, ok bool) { return find(roleGroups, name) }

func find(names []string, wanted string) (string, bool) {
	for _, n := range names {
		if strings.EqualFold(n, wanted) {
			return n, true
		}
	}
	return "", false
}
