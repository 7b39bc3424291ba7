package tenantfake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// seedUser adds a user who was always there.
func (t *Tenant) seedUser(spec UserSpec) {
	u := spec.User.clone()
	u.ID = strings.ToLower(cmp.Or(u.ID, t.s.guid()))
	u.Created = cmp.Or(u.Created, t.s.now().Add(-90*24*time.Hour).UTC().Truncate(time.Second))
	rec := t.insert(time.Time{}, u)
	if spec.Password != "" {
		rec.password = t.s.hashPassword(spec.Password)
	}
	for _, role := range spec.Roles {
		t.mustRole(role)
		t.assign(time.Time{}, u.ID, role, "/")
	}
	for _, name := range spec.RoleGroups {
		g := t.roleGroup(name)
		if g == nil {
			panic(fmt.Sprintf("tenantfake: user %s: no role group %q", u.UserPrincipalName, name))
		}
		g.Members = append(g.Members, u.ID)
	}
}

// Users returns the users as they truly are, in order of creation, without the deleted.
func (t *Tenant) Users() []User {
	t.lock()
	defer t.mu.Unlock()
	out := make([]User, 0, len(t.users))
	for _, rec := range t.users {
		if u := live(rec.current()); u != nil {
			out = append(out, u.clone())
		}
	}
	return out
}

// User returns one user by id or user principal name.
func (t *Tenant) User(idOrUPN string) (User, bool) {
	t.lock()
	defer t.mu.Unlock()
	rec := t.find(idOrUPN)
	if rec == nil {
		return User{}, false
	}
	return rec.current().clone(), true
}

// DeletedUsers returns the recycle bin.
func (t *Tenant) DeletedUsers() []User {
	t.lock()
	defer t.mu.Unlock()
	var out []User
	for _, rec := range t.bin {
		out = append(out, rec.current().clone())
	}
	return out
}

// CheckPassword simulates a sign-in: it reports whether the account exists, is enabled, and has this password without having to change it.
func (t *Tenant) CheckPassword(upn, password string) bool {
	t.lock()
	defer t.mu.Unlock()
	rec := t.holderOf(upn)
	if rec == nil {
		return false
	}
	u := rec.current()
	return u.AccountEnabled && !u.ForcePasswordChange && rec.password.matches(password)
}

// AddUsers adds n enabled, licensed users who were always there, for load tests. Names are user000001@<initial domain>
// and so on; every second one holds the tenant's first product.
func (t *Tenant) AddUsers(n int) {
	t.lock()
	defer t.mu.Unlock()
	created := t.s.now().Add(-90 * 24 * time.Hour).UTC().Truncate(time.Second)
	var licenses []string
	if len(t.spec.SKUs) > 0 {
		licenses = []string{t.spec.SKUs[0].SkuID}
	}
	t.users = slices.Grow(t.users, n)
	for range n {
		i := len(t.users)
		name := fmt.Sprintf("user%06d", i)
		u := User{ID: t.s.guid(), UserPrincipalName: name + "@" + t.spec.InitialDomain, DisplayName: "User " + name[4:],
			MailNickname: name, UserType: "Member", UsageLocation: "GB", AccountEnabled: true, Created: created}
		if i%2 == 1 {
			u.Licenses = licenses
		}
		t.insert(time.Time{}, u)
	}
}

// DeleteUserByHand deletes a user as an administrator would in the portal. It reports whether there was one.
func (t *Tenant) DeleteUserByHand(idOrUPN string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) { t.softDelete(now, rec) })
}

// DisableByHand blocks the sign-in of a user. It reports whether there was one.
func (t *Tenant) DisableByHand(idOrUPN string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) {
		u := rec.current().clone()
		u.AccountEnabled = false
		t.change(now, rec, u)
	})
}

// LicenseByHand assigns a product to a user. It reports whether there was such a user.
func (t *Tenant) LicenseByHand(idOrUPN, skuID string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) {
		u := rec.current().clone()
		u.Licenses = append(u.Licenses, skuID)
		t.change(now, rec, u)
	})
}

// JoinByHand puts a user into groups, by their object ids. It reports whether there was such a user.
func (t *Tenant) JoinByHand(idOrUPN string, groups ...string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) {
		u := rec.current().clone()
		u.Groups = append(u.Groups, groups...)
		t.change(now, rec, u)
	})
}

// LeaveByHand takes a user out of groups, by their object ids. It reports whether there was such a user.
func (t *Tenant) LeaveByHand(idOrUPN string, groups ...string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) {
		u := rec.current().clone()
		u.Groups = slices.DeleteFunc(u.Groups, func(id string) bool { return slices.Contains(groups, id) })
		t.change(now, rec, u)
	})
}

// SetPerUserMFAByHand sets the legacy multifactor authentication of a user: disabled, enabled or enforced. It reports whether there was
// such a user.
func (t *Tenant) SetPerUserMFAByHand(idOrUPN, state string) bool {
	return t.byHand(idOrUPN, func(now time.Time, rec *userRecord) {
		u := rec.current().clone()
		u.PerUserMFA = state
		t.change(now, rec, u)
	})
}

// AssignRoleByHand gives a user a directory role (display name or template id) and returns the assignment's id; empty if there is no such
// user or role. An existing assignment is returned as it is.
func (t *Tenant) AssignRoleByHand(idOrUPN, role string) string {
	now := t.lock()
	defer t.mu.Unlock()
	rec, def := t.find(idOrUPN), roleNamed(role)
	if rec == nil || def == nil {
		return ""
	}
	if a := t.assignment(rec.current().ID, def.ID, "/"); a != nil {
		return a.current().ID
	}
	return t.assign(now, rec.current().ID, role, "/").current().ID
}

// RemoveRoleByHand takes a directory role from a user. It reports whether the user had it.
func (t *Tenant) RemoveRoleByHand(idOrUPN, role string) bool {
	now := t.lock()
	defer t.mu.Unlock()
	rec, def := t.find(idOrUPN), roleNamed(role)
	if rec == nil || def == nil {
		return false
	}
	a := t.assignment(rec.current().ID, def.ID, "/")
	if a != nil {
		a.set(now, nil)
	}
	return a != nil
}

// AddRoleGroupMemberByHand adds a user to an Exchange role group, whether or not Exchange knows it yet. It reports whether both exist.
func (t *Tenant) AddRoleGroupMemberByHand(group, idOrUPN string) bool {
	return t.byHand(idOrUPN, func(_ time.Time, rec *userRecord) {
		if g := t.roleGroup(group); g != nil && !slices.Contains(g.Members, rec.current().ID) {
			g.Members = append(g.Members, rec.current().ID)
		}
	}) && slices.Contains(t.RoleGroupNames(), group)
}

// RemoveRoleGroupMemberByHand takes a user out of an Exchange role group. It reports whether the user was in it.
func (t *Tenant) RemoveRoleGroupMemberByHand(group, idOrUPN string) bool {
	removed := false
	t.byHand(idOrUPN, func(_ time.Time, rec *userRecord) {
		if g := t.roleGroup(group); g != nil {
			removed = g.remove(rec.current().ID)
		}
	})
	return removed
}

func (t *Tenant) byHand(idOrUPN string, act func(time.Time, *userRecord)) bool {
	now := t.lock()
	defer t.mu.Unlock()
	rec := t.find(idOrUPN)
	if rec != nil {
		act(now, rec)
	}
	return rec != nil
}

// FederateByHand makes a domain federated, or managed again. It reports whether there was such a domain.
func (t *Tenant) FederateByHand(name string, federated bool) bool {
	t.lock()
	defer t.mu.Unlock()
	for i, d := range t.spec.Domains {
		if strings.EqualFold(d.Name, name) {
			t.spec.Domains[i].Federated = federated
			return true
		}
	}
	return false
}
