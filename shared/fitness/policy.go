package fitness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/profile"
)

// Policy is a Conditional Access policy, as far as it decides about the sign-in of an
// account (reference: Microsoft Graph, conditionalAccessPolicy). Lists hold ids and
// Graph's own words (All, None, Office365, MicrosoftAdminPortals).
type Policy struct {
	ID, Name string
	State    PolicyState

	IncludeUsers, ExcludeUsers   []string
	IncludeGroups, ExcludeGroups []string
	IncludeRoles, ExcludeRoles   []string

	IncludeApplications, ExcludeApplications []string
	// ApplicationFilter is true when attributes choose the applications too.
	ApplicationFilter bool
	// Clients are kinds of client; empty and "all" mean every kind.
	Clients []string
	// Narrowed says in words under which further conditions alone it holds, such as "from
	// some locations only". Whether they will be met, nobody can tell beforehand.
	Narrowed []string
	// OtherSignIns is true for a policy about workload identities, or about a device code
	// or a transferred sign-in, which no sign-in of a service account is.
	OtherSignIns bool

	// AnyControl is true when one of the controls is enough, false when all are asked for.
	AnyControl bool
	// Controls are what it asks for: block, mfa, compliantDevice, domainJoinedDevice and so on.
	Controls []string
	// Strength is the name of the authentication strength asked for; empty for none.
	Strength string
}

// PolicyState says whether a policy works.
type PolicyState string

// The states of a policy, in Graph's words.
const (
	Enabled    PolicyState = "enabled"
	Disabled   PolicyState = "disabled"
	ReportOnly PolicyState = "enabledForReportingButNotEnforced"
)

func conditionalAccess(f Facts, n Needs) (found []Finding) {
	roles := slices.Concat(n.Roles, f.Account.Roles)
	for _, p := range f.Policies {
		who, caught := p.who(f.Account, roles)
		if what, works := p.works(n); caught && works {
			found = append(found, p.finding(who, what, n))
		}
	}
	return found
}

// works says by what a policy concerns what the product does; false when it asks for
// nothing there.
func (p Policy) works(n Needs) (string, bool) {
	what, concerned := p.what(n)
	return what, concerned && p.State != Disabled && !p.OtherSignIns && p.asks() != ""
}

func (p Policy) finding(who, what string, n Needs) Finding {
	f := Finding{
		Code: ConditionalAccess, Severity: Blocking, Policy: p.ID,
		Text: fmt.Sprintf("The Conditional Access policy %q catches the account: it holds for %s and %s, and %s.", p.Name, who, what, p.asks()),
	}
	switch {
	case p.blocks():
		f.Remedy = fmt.Sprintf("exclude the account from %q with an approval, or choose a way to sign in that it does not block", p.Name)
	case p.answerable() && !n.Unattended:
		f.Severity, f.Remedy = Warning, enrol
	default:
		f.Remedy = fmt.Sprintf("exclude the account from %q with an approval, and restrict it to the vendor's addresses instead; or %s", p.Name, useApp)
	}
	if len(p.Narrowed) > 0 || p.ApplicationFilter && !contains(p.IncludeApplications, "All") {
		f.Severity = Warning
	}
	if len(p.Narrowed) > 0 {
		f.Text += " It does so " + strings.Join(p.Narrowed, ", ") + "."
	}
	if p.State == ReportOnly {
		f.Severity = Note
		f.Text += " For now it only reports."
	}
	return f
}

// who says by what a policy holds for the account; false when it does not. An exclusion wins.
func (p Policy) who(a Account, roles []string) (string, bool) {
	in := func(list, ids []string) int {
		return slices.IndexFunc(ids, func(id string) bool { return contains(list, id) })
	}
	own := []string{a.ObjectID}
	if a.ObjectID == "" {
		own = nil
	}
	if in(p.ExcludeUsers, own) >= 0 || contains(p.ExcludeUsers, "All") || in(p.ExcludeGroups, a.Groups) >= 0 || in(p.ExcludeRoles, roles) >= 0 {
		return "", false
	}
	if contains(p.IncludeUsers, "All") {
		return "all users", true
	}
	if in(p.IncludeUsers, own) >= 0 {
		return "this account by name", true
	}
	if i := in(p.IncludeRoles, roles); i >= 0 {
		return "the role " + roleName(roles[i]), true
	}
	if i := in(p.IncludeGroups, a.Groups); i >= 0 {
		return "the group " + a.Groups[i], true
	}
	return "", false
}

func roleName(id string) string {
	if _, name, known := profile.Role(id); known {
		return name
	}
	return id
}

// what says by which application and client a policy holds for what the product does. A
// policy without applications is about registering or about steps inside an application.
func (p Policy) what(n Needs) (string, bool) {
	applications, holds := p.applications(n)
	if !holds {
		return "", false
	}
	clients := n.Clients
	if len(clients) == 0 {
		clients = []Client{Browser, Modern}
	}
	if len(p.Clients) == 0 || contains(p.Clients, "all") {
		return applications, true
	}
	for _, c := range clients {
		if contains(p.Clients, string(c)) || c == ActiveSync && contains(p.Clients, "easSupported") {
			return applications + " with " + c.words(), true
		}
	}
	return "", false
}

func (p Policy) applications(n Needs) (string, bool) {
	switch {
	case contains(p.IncludeApplications, "All"):
		if rest := n.notExcluded(p); len(n.Applications) > 0 && len(rest) == 0 {
			return "", false
		}
		return "all applications", true
	case p.ApplicationFilter:
		return "applications with certain attributes", true
	case len(p.IncludeApplications) == 0 || contains(p.IncludeApplications, "None"):
		return "", false
	case contains(p.IncludeApplications, adminPortals) && n.AdminPortals && !contains(p.ExcludeApplications, adminPortals):
		return "the admin portals", true
	}
	if len(n.Applications) == 0 {
		return n.unknownApplications(p)
	}
	for _, id := range n.notExcluded(p) {
		if includes(p.IncludeApplications, id) {
			return "the application " + nameOf(id), true
		}
	}
	return "", false
}

// unknownApplications treats the admin portals apart, for of these the needs do tell.
func (n Needs) unknownApplications(p Policy) (string, bool) {
	names := []string{}
	for _, id := range p.IncludeApplications {
		if !strings.EqualFold(id, adminPortals) {
			names = append(names, nameOf(id))
		}
	}
	if len(names) == 0 {
		return "", false
	}
	return "some applications (" + strings.Join(names, ", ") + "), of which the product may use one", true
}

func (n Needs) notExcluded(p Policy) (rest []string) {
	for _, id := range n.Applications {
		if !includes(p.ExcludeApplications, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

const (
	adminPortals = "MicrosoftAdminPortals"
	office365    = "Office365"
)

// wellKnown are Microsoft's applications that service accounts sign in to, and whether
// the suite Office 365 covers them (reference: Microsoft Entra, Conditional Access: Target
// resources).
var wellKnown = map[string]struct {
	name  string
	suite bool
}{
	"00000002-0000-0ff1-ce00-000000000000": {"Office 365 Exchange Online", true},
	"00000003-0000-0ff1-ce00-000000000000": {"Office 365 SharePoint Online", true},
	"00000003-0000-0000-c000-000000000000": {"Microsoft Graph", false},
}

func includes(list []string, id string) bool {
	return contains(list, id) || contains(list, office365) && wellKnown[strings.ToLower(id)].suite
}

func nameOf(id string) string {
	switch known, ok := wellKnown[strings.ToLower(id)]; {
	case ok:
		return known.name
	case strings.EqualFold(id, office365):
		return "Office 365"
	}
	return id
}

func (p Policy) blocks() bool { return contains(p.Controls, "block") }

// answerable reports whether a person with a second factor satisfies it, on any device.
func (p Policy) answerable() bool {
	factor := p.Strength != "" || contains(p.Controls, "mfa")
	more := slices.ContainsFunc(p.Controls, func(c string) bool { return !strings.EqualFold(c, "mfa") })
	return factor && (p.AnyControl || !more)
}

// controls in words; what is not here is said as Graph says it.
var controls = map[string]string{
	"mfa": "multifactor authentication", "compliantDevice": "a compliant device", "domainJoinedDevice": "a hybrid joined device",
	"approvedApplication": "an approved client app", "compliantApplication": "an app protection policy",
	"passwordChange": "a change of the password", "riskRemediation": "the removal of a risk",
}

// asks says what a policy demands; empty when it demands nothing at sign-in.
func (p Policy) asks() string {
	if p.blocks() {
		return "blocks the sign-in"
	}
	var all []string
	for _, c := range p.Controls {
		words := controls[c]
		if words == "" {
			words = c
		}
		all = append(all, words)
	}
	if p.Strength != "" {
		all = append(all, fmt.Sprintf("the authentication strength %q", p.Strength))
	}
	if len(all) == 0 {
		return ""
	}
	joint := " and "
	if p.AnyControl {
		joint = " or "
	}
	return "asks for " + strings.Join(all, joint)
}
