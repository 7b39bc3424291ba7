package tenanttest

import (
	"context"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// rolesThere are the directory roles of the memory.
var rolesThere = []string{lifecycleRole, account.GlobalAdministrator, "194ae4cb-b126-40b2-bd5b-6091b380977d"}

func (m *Memory) held(principal string) []account.RoleAssignment {
	return slices.DeleteFunc(slices.Clone(m.assignments), func(r account.RoleAssignment) bool { return r.PrincipalID != principal })
}

// RoleAssignments lists the roles a principal holds.
func (m *Memory) RoleAssignments(_ context.Context, _ account.TenantID, principal string) (list []account.RoleAssignment, err error) {
	err = m.do("RoleAssignments", func() error { list = m.held(principal); return nil })
	return list, err
}

// RoleHolders lists who holds a role.
func (m *Memory) RoleHolders(_ context.Context, _ account.TenantID, role string) (list []account.RoleAssignment, err error) {
	err = m.do("RoleHolders", func() error {
		list = slices.DeleteFunc(slices.Clone(m.assignments), func(r account.RoleAssignment) bool { return r.RoleID != role })
		return nil
	})
	return list, err
}

// RoleAssignmentPage reads a page of every assignment of the tenant.
func (m *Memory) RoleAssignmentPage(_ context.Context, _ account.TenantID, cursor string) (page []account.RoleAssignment, next string, err error) {
	err = m.do("RoleAssignmentPage", func() error {
		var ids []string
		for _, r := range m.assignments {
			ids = append(ids, r.ID)
		}
		slices.Sort(ids)
		ids, next = m.page(ids, cursor)
		for _, r := range m.assignments {
			if slices.Contains(ids, r.ID) {
				page = append(page, r)
			}
		}
		return nil
	})
	return page, next, err
}

// page cuts the page after cursor, the last id of the page before, out of sorted ids.
func (m *Memory) page(ids []string, cursor string) (page []string, next string) {
	from, found := slices.BinarySearch(ids, cursor)
	if found {
		from++
	}
	page = ids[from:]
	if m.PageSize > 0 && len(page) > m.PageSize {
		page = page[:m.PageSize]
		next = page[len(page)-1]
	}
	return page, next
}

// AssignRole gives a role.
func (m *Memory) AssignRole(_ context.Context, _ account.TenantID, principal, role string) (id string, err error) {
	err = m.do("AssignRole", func() error {
		if !slices.Contains(rolesThere, role) {
			return fault.Stopf(fault.RoleNotFound, "no directory role %q", role)
		}
		for _, r := range m.held(principal) {
			if r.RoleID == role {
				return fault.Stopf(fault.RoleConflict, "%s holds %s already", principal, role)
			}
		}
		id = m.id("assignment")
		m.assignments = append(m.assignments, account.RoleAssignment{ID: id, RoleID: role, PrincipalID: principal, Scope: "/"})
		return nil
	})
	return id, err
}

// RemoveRoleAssignment takes a role away; one that is gone already is no error.
func (m *Memory) RemoveRoleAssignment(_ context.Context, _ account.TenantID, id string) error {
	return m.do("RemoveRoleAssignment", func() error {
		m.assignments = slices.DeleteFunc(m.assignments, func(r account.RoleAssignment) bool { return r.ID == id })
		return nil
	})
}

func (m *Memory) group(name string) error {
	if !slices.Contains(m.GroupsThere, name) {
		return fault.Stopf(fault.RoleGroupNotFound, "no role group %q", name)
	}
	return nil
}

func (m *Memory) known(who account.Member) error {
	u, err := m.find(who.ObjectID)
	if err != nil || (m.Replicated != nil && !m.Replicated(u.ObjectID)) || !strings.EqualFold(u.UserPrincipalName, who.UserPrincipalName) {
		return fault.NotReadyf(fault.ExchangeNotReplicated, "Exchange does not know %s", who.UserPrincipalName)
	}
	return nil
}

// IsRoleGroupMember reads a membership.
func (m *Memory) IsRoleGroupMember(_ context.Context, _ account.TenantID, group string, who account.Member) (is bool, err error) {
	err = m.do("IsRoleGroupMember", func() error {
		is = slices.Contains(m.members[group], who.ObjectID)
		return m.group(group)
	})
	return is, err
}

// AddRoleGroupMember makes a member; one that is a member already is no error.
func (m *Memory) AddRoleGroupMember(_ context.Context, _ account.TenantID, group string, who account.Member) error {
	return m.do("AddRoleGroupMember", func() error {
		if err := m.group(group); err != nil {
			return err
		}
		if err := m.known(who); err != nil {
			return err
		}
		if !slices.Contains(m.members[group], who.ObjectID) {
			m.members[group] = append(m.members[group], who.ObjectID)
		}
		return nil
	})
}

// RemoveRoleGroupMember ends a membership; one that is none is no error.
func (m *Memory) RemoveRoleGroupMember(_ context.Context, _ account.TenantID, group string, who account.Member) error {
	return m.do("RemoveRoleGroupMember", func() error {
		m.members[group] = slices.DeleteFunc(m.members[group], func(id string) bool { return id == who.ObjectID })
		return m.group(group)
	})
}

// HoldersOf reads many memberships at once, in the order of the question.
func (m *Memory) HoldersOf(_ context.Context, _ account.TenantID, group string, of ...account.Member) (are []bool, err error) {
	err = m.do("HoldersOf", func() error {
		for _, who := range of {
			are = append(are, slices.Contains(m.members[group], who.ObjectID))
		}
		return m.group(group)
	})
	return are, err
}
