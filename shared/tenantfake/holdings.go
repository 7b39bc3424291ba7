package tenantfake

import (
	"fmt"
	"slices"
	"strings"
)

// Holdings lists what the tenant truly holds that a client can make, give or set, a line
// for each: accounts, roles, members of role groups, applications with their permissions,
// and settings. Two lists differ in what was left behind between them.
func (t *Tenant) Holdings() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, u := range t.Users() {
		add("account %s (%s)", u.UserPrincipalName, u.ID)
	}
	for _, r := range t.RoleAssignments() {
		add("role %s of %s", r.RoleDefinitionID, r.PrincipalID)
	}
	for _, g := range t.RoleGroupNames() {
		for _, member := range t.RoleGroupMembers(g) {
			add("member %s of %s", member, g)
		}
	}
	for _, a := range t.Assigned() {
		add("assignment of %s to %s", a.UserID, a.ResourceID)
	}
	for _, a := range t.Apps() {
		add("application %s (%s), for assigned users only: %v", a.DisplayName, a.ObjectID, t.AssignmentRequired(a.ClientID))
		for _, p := range slices.Concat(a.Graph, a.Exchange) {
			add("permission %s of %s", p, a.DisplayName)
		}
	}
	for _, g := range t.DelegatedGrants() {
		for _, scope := range strings.Fields(g.Scope) {
			add("delegated permission %s of %s for %q", scope, g.ClientID, g.PrincipalID)
		}
	}
	for _, p := range t.ConditionalAccess() {
		for _, id := range p.ExcludeUsers {
			add("exclusion of %s from %s", id, p.DisplayName)
		}
	}
	p := t.ConsentPolicy()
	add("admin consent request policy: enabled %v, mails %v, reminders %v, %d days, %v", p.Enabled, p.NotifyReviewers, p.Reminders, p.Days, p.Reviewers)
	slices.Sort(lines)
	return lines
}

// Apps returns the applications that the tenant knows, as they truly are, without secrets.
func (t *Tenant) Apps() []App {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []App
	for _, a := range t.apps {
		spec := a.spec
		spec.Graph, spec.Exchange = slices.Clone(spec.Graph), slices.Clone(spec.Exchange)
		out = append(out, spec)
	}
	return out
}
