package tenanttest

import (
	"time"

	"github.com/usher365/usher/shared/account"
)

// Sync plays a cycle of Entra Connect: the tenant's synced accounts become those that are
// listed, matched by their immutable ids.
func (m *Memory) Sync(listed []account.OnPremisesUser) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there := map[string]bool{}
	for _, from := range listed {
		there[from.ImmutableID] = true
		id := m.synced(from.ImmutableID)
		if id == "" {
			id = m.id("user")
		}
		u := m.users[id]
		u.ObjectID, u.UserPrincipalName, u.Enabled = id, from.UserPrincipalName, from.Enabled
		u.Synced, u.ImmutableID = true, from.ImmutableID
		m.users[id] = u
	}
	for id, u := range m.users {
		if u.ImmutableID != "" && !there[u.ImmutableID] {
			delete(m.users, id)
			u.DeletedAt = time.Now()
			m.deleted[id] = u
		}
	}
}

// synced finds the object id of the account with an immutable id, empty when there is none.
func (m *Memory) synced(immutableID string) string {
	for id, u := range m.users {
		if u.ImmutableID == immutableID && immutableID != "" {
			return id
		}
	}
	return ""
}
