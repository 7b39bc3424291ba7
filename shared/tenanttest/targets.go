package tenanttest

import (
	"context"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// targets is what the memory knows of the users of applications, and of groups.
type targets struct {
	assigned map[string][]account.Assignment // by the application's object id
	groups   []account.Group
	inGroup  map[string][]string // users by group
}

// PutGroup adds a group of users, by their object ids, or changes who is in it, and gives
// its object id.
func (m *Memory) PutGroup(name string, users ...string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.targets.inGroup == nil {
		m.targets.inGroup = map[string][]string{}
	}
	for _, g := range m.targets.groups {
		if g.DisplayName == name {
			m.targets.inGroup[g.ObjectID] = users
			return g.ObjectID
		}
	}
	id := m.id("group")
	m.targets.groups = append(m.targets.groups, account.Group{ObjectID: id, DisplayName: name})
	m.targets.inGroup[id] = users
	return id
}

// AddGroup adds a group although there is one of the name already, and gives its object id.
func (m *Memory) AddGroup(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.id("group")
	m.targets.groups = append(m.targets.groups, account.Group{ObjectID: id, DisplayName: name})
	return id
}

// RemoveGroup deletes a group.
func (m *Memory) RemoveGroup(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.targets.groups = slices.DeleteFunc(m.targets.groups, func(g account.Group) bool { return g.ObjectID == id })
}

// GroupsNamed lists the groups of a name or object id.
func (m *Memory) GroupsNamed(_ context.Context, _ account.TenantID, name string) (found []account.Group, err error) {
	return m.groupsLike("GroupsNamed", func(g account.Group) bool { return strings.EqualFold(g.DisplayName, name) || g.ObjectID == name })
}

// GroupsBeginning lists the groups whose name begins with the text.
func (m *Memory) GroupsBeginning(_ context.Context, _ account.TenantID, text string) (found []account.Group, err error) {
	return m.groupsLike("GroupsBeginning", func(g account.Group) bool {
		return strings.HasPrefix(strings.ToLower(g.DisplayName), strings.ToLower(text))
	})
}

func (m *Memory) groupsLike(op string, want func(account.Group) bool) (found []account.Group, err error) {
	err = m.do(op, func() error {
		found = slices.DeleteFunc(slices.Clone(m.targets.groups), func(g account.Group) bool { return !want(g) })
		return nil
	})
	return found, err
}

// MembersOf lists the users of a group.
func (m *Memory) MembersOf(_ context.Context, _ account.TenantID, group string) (users []account.TargetUser, err error) {
	err = m.do("MembersOf", func() error {
		if !slices.ContainsFunc(m.targets.groups, func(g account.Group) bool { return g.ObjectID == group }) {
			return fault.Stopf(fault.GroupNotFound, "no group %s", group)
		}
		for _, id := range m.targets.inGroup[group] {
			if u, there := m.users[id]; there {
				users = append(users, account.TargetUser{ObjectID: id, UserPrincipalName: u.UserPrincipalName, DisplayName: u.DisplayName})
			}
		}
		return nil
	})
	return users, err
}

// Assignments lists the users of an application.
func (m *Memory) Assignments(_ context.Context, _ account.TenantID, principal string) (list []account.Assignment, err error) {
	err = m.do("Assignments", func() error { list = slices.Clone(m.targets.assigned[principal]); return m.knows(principal) })
	return list, err
}

// Assign assigns a user to an application; one who is assigned already is no error.
func (m *Memory) Assign(_ context.Context, _ account.TenantID, principal, user, role string) error {
	return m.do("Assign", func() error {
		if _, there := m.users[user]; !there {
			return fault.NotReadyf(fault.UserNotReadable, "no user %s", user)
		}
		if m.targets.assigned == nil {
			m.targets.assigned = map[string][]account.Assignment{}
		}
		for _, a := range m.targets.assigned[principal] {
			if a.PrincipalID == user && a.RoleID == role {
				return m.knows(principal)
			}
		}
		m.targets.assigned[principal] = append(m.targets.assigned[principal],
			account.Assignment{ID: m.id("assignment"), PrincipalID: user, PrincipalType: "User", RoleID: role})
		return m.knows(principal)
	})
}

// Unassign takes an assignment away; one that is gone already is no error.
func (m *Memory) Unassign(_ context.Context, _ account.TenantID, principal, assignment string) error {
	return m.do("Unassign", func() error {
		m.targets.assigned[principal] = slices.DeleteFunc(m.targets.assigned[principal], func(a account.Assignment) bool { return a.ID == assignment })
		return nil
	})
}

// RequireAssignment sets whether only assigned users may use an application.
func (m *Memory) RequireAssignment(_ context.Context, _ account.TenantID, principal string, required bool) error {
	return m.do("RequireAssignment", func() error {
		for appID, p := range m.apps.there {
			if p.ObjectID == principal {
				p.AssignmentRequired = required
				m.apps.there[appID] = p
			}
		}
		return m.knows(principal)
	})
}
