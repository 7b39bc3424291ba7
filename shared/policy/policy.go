// Package policy says what a request needs before Usher may do it: an owner, the word
// of one or two people, an end date; or that nobody may have it. One YAML file holds
// the rules, deny by default: a right that the file does not list is forbidden.
//
// Policy.Decide judges the rights of a request, Case.Standing counts the approvals that
// were given for it, Limits guards the number of Global Administrators. All of it is
// pure: who calls it reads the file, the ledger and the clock. The intended use:
//
//   - intake plans a request, decides its Facts, refuses what is Forbidden or Unmet, and
//     parks what needs approvers with the digest of its Subject;
//   - whoever takes an approval (console, command line, approved ticket) proves who gave
//     it, checks it with Case.Check, keeps it in the ledger, and lets the request go on
//     when Case.Standing says that it is granted;
//   - a step that assigns or removes Global Administrator asks Limits first.
package policy

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Tier is how much it takes to be given a right. A higher tier asks for everything that
// the tiers below it ask for. The zero value is no tier and allows nothing.
type Tier int

const (
	// Automatic needs nobody's word, only an owner.
	Automatic Tier = iota + 1
	// OneApprover needs the word of one person who is not the requester.
	OneApprover
	// TwoApprovers needs two different people, an end date and an alert: rights whose
	// holder controls the tenant.
	TwoApprovers
	// Forbidden is given to nobody.
	Forbidden
)

var tierWords = map[Tier]string{
	Automatic: "automatic", OneApprover: "one approver", TwoApprovers: "two approvers", Forbidden: "forbidden",
}

// String gives the words people read; "forbidden" for what is no tier.
func (t Tier) String() string { return cmp.Or(tierWords[t], tierWords[Forbidden]) }

// MarshalText writes the tier as String does.
func (t Tier) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *Tier) UnmarshalText(text []byte) error {
	for tier, words := range tierWords {
		if words == string(text) {
			*t = tier
			return nil
		}
	}
	return fmt.Errorf("%q is no tier of a policy", text)
}

// Allows reports whether the tier lets anybody have the right.
func (t Tier) Allows() bool { return t >= Automatic && t < Forbidden }

// Needs are what must be there before a request may be carried out.
type Needs struct {
	// Owner asks for somebody who answers for the account, with a mail address.
	Owner bool `json:"owner"`
	// Approvers is the number of different people who must agree.
	Approvers int `json:"approvers"`
	// EndDate asks for lifetime.expiresAt (or the profile's lifetime.days).
	EndDate bool `json:"endDate"`
	// MaxDays is how many days may lie between start and end; zero for no limit.
	MaxDays int `json:"maxDays,omitempty"`
	// Alert asks for an alarm when the right is given.
	Alert bool `json:"alert"`
}

// join gives needs that satisfy both.
func (n Needs) join(o Needs) Needs {
	both := Needs{
		Owner: n.Owner || o.Owner, Approvers: max(n.Approvers, o.Approvers), Alert: n.Alert || o.Alert,
		EndDate: n.EndDate || o.EndDate, MaxDays: shorter(n.MaxDays, o.MaxDays),
	}
	both.EndDate = both.EndDate || both.MaxDays > 0
	return both
}

// shorter is the smaller limit, where zero is none.
func shorter(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// Kind is the sort of right. The values of roles and role groups are those of
// account.GrantKind.
type Kind string

const (
	// DirectoryRole is an Entra directory role, known by its template id.
	DirectoryRole Kind = "role"
	// RoleGroup is an Exchange role group, known by its name.
	RoleGroup Kind = "rolegroup"
	// Application is a permission that an application holds by itself.
	Application Kind = "application"
	// Delegated is a permission that an application holds in the name of a user.
	Delegated Kind = "delegated"
	// Setting is a change of something that holds for the tenant (see the constants).
	Setting Kind = "setting"
)

// The settings that a policy may list.
const (
	// ConsentRequestPolicy is the tenant's admin consent request policy.
	ConsentRequestPolicy = "admin-consent-request-policy"
	// AccessExclusion excludes an account from a Conditional Access policy.
	AccessExclusion = "conditional-access-exclusion"
)

var settings = []string{ConsentRequestPolicy, AccessExclusion}

// Right is one thing a request asks for.
type Right struct {
	Kind Kind `json:"kind"`
	// ID is a directory role's template id, and a permission's resource: the
	// application id of Microsoft Graph or the like. Empty for the other kinds.
	ID string `json:"id,omitempty"`
	// Name is a role's or role group's name, a permission's value (Mail.Read), or a
	// setting's constant.
	Name string `json:"name"`
	// AtLeast is the tier that the profile asks for by itself; zero for none.
	AtLeast Tier `json:"-"`
}

var kindWords = map[Kind]string{
	DirectoryRole: "directory role", RoleGroup: "Exchange role group",
	Application: "application permission", Delegated: "delegated permission", Setting: "tenant setting",
}

// String names the right for people.
func (r Right) String() string { return r.Kind.word() + " " + printable(r.Name) + r.of() }

// word names the kind for people; with an s at its end it is the plural.
func (k Kind) word() string { return cmp.Or(kindWords[k], "right of an unknown kind") }

// of says whose permission it is, with a space before it; empty for the other kinds.
func (r Right) of() string {
	if !r.isPermission() {
		return ""
	}
	return " of " + cmp.Or(resources[strings.ToLower(r.ID)], printable(r.ID))
}

// printable quotes what would not show as it is: a name may come from a request.
func printable(name string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || strings.ContainsFunc(name, odd) {
		return strconv.Quote(name)
	}
	return name
}

func (r Right) isPermission() bool { return r.Kind == Application || r.Kind == Delegated }

// The APIs a permission may belong to (source: Microsoft, "Verify first-party Microsoft
// applications").
const (
	graphID    = "00000003-0000-0000-c000-000000000000"
	exchangeID = "00000002-0000-0ff1-ce00-000000000000"
)

var resources = map[string]string{graphID: "Microsoft Graph", exchangeID: "Office 365 Exchange Online"}

// ResourceID gives the application id of a resource as profiles name it ("Microsoft
// Graph", in any case of letters). An id of a resource that is known gives itself.
func ResourceID(nameOrID string) (id string, ok bool) {
	for id, name := range resources {
		if strings.EqualFold(name, nameOrID) || strings.EqualFold(id, nameOrID) {
			return id, true
		}
	}
	return "", false
}

// key is what tells rights apart: a role's id is its identity and its name is for people.
type key struct {
	kind     Kind
	id, name string
}

func (r Right) key() key {
	k := key{kind: r.Kind, id: strings.ToLower(r.ID), name: strings.ToLower(r.Name)}
	if r.Kind == DirectoryRole {
		k.name = ""
	}
	return k
}
