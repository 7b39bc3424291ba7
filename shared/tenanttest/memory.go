// Package tenanttest helps to test what acts on a tenant: a small tenant in memory
// for handlers, and the lifecycle suite that the memory, the emulator behind the
// real clients, and a live tenant on request must all pass.
package tenanttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Memory is a tenant in memory, in our words: what package entra and package
// exchange promise, without a wire. Hooks make it fail, before or after the effect.
type Memory struct {
	// Before is asked before each operation; an error is returned and nothing happens.
	Before func(op string) error
	// After is asked after each effect; an error is returned although it happened: a lost reply.
	After func(op string) error
	// Replicated says whether Exchange knows an account yet; nil knows all.
	Replicated func(objectID string) bool
	// GroupsThere are the role groups that exist.
	GroupsThere []string
	// PageSize is how many accounts or assignments a page of a listing has. Zero is all of them.
	PageSize int
	// Licensed says that roles can end by themselves.
	Licensed bool

	mu          sync.Mutex
	next        int
	users       map[string]account.User
	deleted     map[string]account.User
	passwords   map[string]account.Secret
	assignments []account.RoleAssignment
	ends        ends
	members     map[string][]string
	apps        apps
	targets     targets
	calls       []string
}

// NewMemory gives an empty tenant with the role group that sam360 needs.
func NewMemory() *Memory {
	return &Memory{
		users: map[string]account.User{}, deleted: map[string]account.User{}, passwords: map[string]account.Secret{},
		members: map[string][]string{}, apps: microsofts(), GroupsThere: []string{"View-Only Organization Management"},
	}
}

// Put adds an account that was there before, and gives its object id.
func (m *Memory) Put(u account.User) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	u.ObjectID = m.id("user")
	m.users[u.ObjectID] = u
	return u.ObjectID
}

// Calls lists the operations asked for, in order.
func (m *Memory) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// Password is what the account of that object id was made with.
func (m *Memory) Password(id string) account.Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.passwords[id]
}

// Members lists the object ids in a role group.
func (m *Memory) Members(group string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.members[group])
}

func (m *Memory) id(kind string) string {
	m.next++
	return fmt.Sprintf("%s-%d", kind, m.next)
}

// do runs one operation under the lock, between the hooks.
func (m *Memory) do(op string, effect func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, op)
	if m.Before != nil {
		if err := m.Before(op); err != nil {
			return err
		}
	}
	if err := effect(); err != nil {
		return err
	}
	if m.After != nil {
		return m.After(op)
	}
	return nil
}

func notFound(name string) error { return fault.Stopf(fault.UserNotFound, "no account %q", name) }

func (m *Memory) find(name string) (account.User, error) {
	for id, u := range m.users {
		if id == name || strings.EqualFold(u.UserPrincipalName, name) {
			return u, nil
		}
	}
	return account.User{}, notFound(name)
}

// User finds an account by object id or user principal name.
func (m *Memory) User(_ context.Context, _ account.TenantID, name string) (u account.User, err error) {
	err = m.do("User", func() error { u, err = m.find(name); return err })
	return u, err
}

// UserByImmutableID finds a synced account.
func (m *Memory) UserByImmutableID(_ context.Context, _ account.TenantID, immutableID string) (found account.User, err error) {
	err = m.do("UserByImmutableID", func() error {
		id := m.synced(immutableID)
		if id == "" {
			return notFound(immutableID)
		}
		found = m.users[id]
		return nil
	})
	return found, err
}

// CreateUser makes an account.
func (m *Memory) CreateUser(_ context.Context, _ account.TenantID, n account.NewUser) (u account.User, err error) {
	err = m.do("CreateUser", func() error {
		if _, err := m.find(n.UserPrincipalName); err == nil {
			return fault.Stopf(fault.NameTaken, "%s exists", n.UserPrincipalName)
		}
		u = account.User{ObjectID: m.id("user"), UserPrincipalName: n.UserPrincipalName, DisplayName: n.DisplayName, Enabled: true, Stamp: n.Stamp}
		m.users[u.ObjectID], m.passwords[u.ObjectID] = u, n.Password
		return nil
	})
	return u, err
}

// SetEnabled blocks or allows sign-in; refused for a holder of a role, as Entra does.
func (m *Memory) SetEnabled(_ context.Context, _ account.TenantID, id string, enabled bool) error {
	return m.do("SetEnabled", func() error {
		u, err := m.sensitive(id)
		if err != nil {
			return err
		}
		u.Enabled = enabled
		m.users[id] = u
		return nil
	})
}

func (m *Memory) sensitive(id string) (account.User, error) {
	u, err := m.find(id)
	if err != nil {
		return u, err
	}
	if u.Synced {
		return u, fault.Stopf(fault.UserSynced, "%s is mastered in Active Directory", u.UserPrincipalName)
	}
	if len(m.held(id)) > 0 {
		return u, fault.Stopf(fault.PermissionMissing, "%s holds an administrator role", u.UserPrincipalName)
	}
	return u, nil
}

// RevokeSessions ends the sessions of an account.
func (m *Memory) RevokeSessions(_ context.Context, _ account.TenantID, id string) error {
	return m.do("RevokeSessions", func() error { _, err := m.find(id); return err })
}

// DeleteUser deletes softly; an account that is gone already is no error.
func (m *Memory) DeleteUser(_ context.Context, _ account.TenantID, id string) error {
	return m.do("DeleteUser", func() error {
		u, err := m.sensitive(id)
		if fault.Is(err, fault.UserNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		delete(m.users, id)
		u.DeletedAt = time.Now()
		m.deleted[id] = u
		for group, ids := range m.members {
			m.members[group] = slices.DeleteFunc(ids, func(member string) bool { return member == id })
		}
		return nil
	})
}

// DeletedUser finds a soft-deleted account.
func (m *Memory) DeletedUser(_ context.Context, _ account.TenantID, id string) (u account.User, err error) {
	err = m.do("DeletedUser", func() error {
		var there bool
		if u, there = m.deleted[id]; !there {
			return notFound(id)
		}
		return nil
	})
	return u, err
}

// RestoreUser takes a soft delete back.
func (m *Memory) RestoreUser(_ context.Context, _ account.TenantID, id string) error {
	return m.do("RestoreUser", func() error {
		u, there := m.deleted[id]
		if !there {
			return notFound(id)
		}
		delete(m.deleted, id)
		u.DeletedAt = time.Time{}
		m.users[id] = u
		return nil
	})
}

// PurgeUser deletes for good.
func (m *Memory) PurgeUser(_ context.Context, _ account.TenantID, id string) error {
	return m.do("PurgeUser", func() error {
		if _, there := m.deleted[id]; !there {
			return notFound(id)
		}
		delete(m.deleted, id)
		return nil
	})
}

// UserPage reads a page of the accounts, in the order of their object ids.
func (m *Memory) UserPage(_ context.Context, _ account.TenantID, cursor string) (page []account.User, next string, err error) {
	err = m.do("UserPage", func() error {
		ids := slices.Sorted(maps.Keys(m.users))
		ids, next = m.page(ids, cursor)
		for _, id := range ids {
			page = append(page, m.users[id])
		}
		return nil
	})
	return page, next, err
}
