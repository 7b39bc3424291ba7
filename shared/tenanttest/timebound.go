package tenanttest

import (
	"context"
	"slices"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// ends are the ends of roles, by principal and role.
type ends map[[2]string]time.Time

func (m *Memory) licensed() error {
	if m.Licensed {
		return nil
	}
	return fault.Stopf(fault.PIMUnavailable, "the tenant has no licence for it")
}

// AssignRoleUntil gives a role with an end, where the tenant is Licensed.
func (m *Memory) AssignRoleUntil(ctx context.Context, t account.TenantID, principal, role string, until time.Time, _ string) error {
	if err := m.do("AssignRoleUntil", m.licensed); err != nil {
		return err
	}
	if _, err := m.AssignRole(ctx, t, principal, role); err != nil {
		return err
	}
	return m.do("SetRoleEnd", func() error { m.setEnd(principal, role, until); return nil })
}

func (m *Memory) setEnd(principal, role string, until time.Time) {
	if m.ends == nil {
		m.ends = ends{}
	}
	m.ends[[2]string{principal, role}] = until
}

// ChangeRoleEnd moves the end of a role.
func (m *Memory) ChangeRoleEnd(_ context.Context, _ account.TenantID, principal, role string, until time.Time, _ string) error {
	return m.do("ChangeRoleEnd", func() error {
		if err := m.licensed(); err != nil {
			return err
		}
		m.setEnd(principal, role, until)
		return nil
	})
}

// RoleEnd gives the end of a role.
func (m *Memory) RoleEnd(_ context.Context, _ account.TenantID, principal, role string) (end time.Time, err error) {
	err = m.do("RoleEnd", func() error { end = m.ends[[2]string{principal, role}]; return m.licensed() })
	return end, err
}

// EndRole ends a role, where the tenant is Licensed; one that has ended is no error.
func (m *Memory) EndRole(_ context.Context, _ account.TenantID, principal, role string) error {
	return m.do("EndRole", func() error {
		if err := m.licensed(); err != nil {
			return err
		}
		delete(m.ends, [2]string{principal, role})
		m.assignments = slices.DeleteFunc(m.assignments, func(r account.RoleAssignment) bool {
			return r.PrincipalID == principal && r.RoleID == role
		})
		return nil
	})
}
