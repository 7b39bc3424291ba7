// Package domaintest helps to test what acts on on-premises Active Directory: a small
// domain in memory, and the suite that the memory and a real domain controller must both
// pass. See package tenanttest for the tenant's side.
package domaintest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// Memory is a domain in memory, in our words: what activedirectory.Domains promises,
// without a wire, the same for every tenant. Hooks make it fail, before or after each
// write: "add", "password", "enable", "disable" and "delete", and before "read". They are
// told which account it is about, by its name or, where that is not known, its stamp.
type Memory struct {
	// Before is asked before each read or write; an error is returned and nothing happens.
	Before func(op, about string) error
	// After is asked after each write; an error is returned although it happened: a lost reply.
	After func(op, about string) error
	// Refuses is the domain's password policy; nil refuses what has fewer than seven characters.
	Refuses func(account.Secret) bool
	// OUs are the organizational units that exist; nil stands for all.
	OUs []string

	mu    sync.Mutex
	made  map[string]int
	users map[activedirectory.GUID]user
	calls []string
}

type user struct {
	account.OnPremisesUser
	name, logonName string
	password        account.Secret
}

// NewMemory gives an empty domain.
func NewMemory() *Memory {
	return &Memory{made: map[string]int{}, users: map[activedirectory.GUID]user{}}
}

// Put adds an account that somebody else made, enabled, and gives its GUID.
func (m *Memory) Put(upn string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.add(account.NewOnPremisesUser{UserPrincipalName: upn, DisplayName: upn}, true).GUID
}

// Calls lists the operations asked for, in order.
func (m *Memory) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// Users lists the accounts, by user principal name.
func (m *Memory) Users() []account.OnPremisesUser {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]account.OnPremisesUser, 0, len(m.users))
	for _, u := range m.users {
		list = append(list, u.OnPremisesUser)
	}
	slices.SortFunc(list, func(a, b account.OnPremisesUser) int {
		return cmp.Or(strings.Compare(a.UserPrincipalName, b.UserPrincipalName), strings.Compare(a.GUID, b.GUID))
	})
	return list
}

// Password is the one that the account of that GUID has.
func (m *Memory) Password(guid string) account.Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.users[id(guid)].password
}

// SyncedUsers lists the accounts for a tenantfake.Connector.
func (m *Memory) SyncedUsers(context.Context) ([]tenantfake.OnPremisesUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []tenantfake.OnPremisesUser
	for _, key := range slices.SortedFunc(maps.Keys(m.users), func(a, b activedirectory.GUID) int { return strings.Compare(a.String(), b.String()) }) {
		u := m.users[key]
		list = append(list, tenantfake.OnPremisesUser{ImmutableID: u.ImmutableID, UserPrincipalName: u.UserPrincipalName, DisplayName: u.name, Enabled: u.Enabled})
	}
	return list, nil
}

func id(guid string) activedirectory.GUID {
	g, err := activedirectory.ParseGUID(guid)
	if err != nil {
		return activedirectory.GUID{}
	}
	return g
}

// maxLogonName is how many characters of the sign-in name make the logon name.
const maxLogonName = 20

func logonName(upn string) string {
	local, _, _ := strings.Cut(upn, "@")
	return strings.ToLower(strings.TrimRight(local[:min(len(local), maxLogonName)], "."))
}

// add makes an account whose GUID follows from what is made and how often, so that a
// simulation sees the same ones again.
func (m *Memory) add(n account.NewOnPremisesUser, enabled bool) user {
	key := n.Stamp + "/" + n.UserPrincipalName
	m.made[key]++
	sum := sha256.Sum256(fmt.Append(nil, key, m.made[key]))
	g := activedirectory.GUID(sum[:16])
	u := user{name: n.DisplayName, logonName: logonName(n.UserPrincipalName), OnPremisesUser: account.OnPremisesUser{
		GUID: g.String(), ImmutableID: g.ImmutableID(), UserPrincipalName: n.UserPrincipalName, Stamp: n.Stamp, Enabled: enabled,
	}}
	m.users[g] = u
	return u
}

// begin notes an operation and asks the hook.
func (m *Memory) begin(op, about string) error {
	m.calls = append(m.calls, op)
	if m.Before == nil {
		return nil
	}
	return m.Before(op, about)
}

// write is one write between the hooks.
func (m *Memory) write(op, about string, effect func()) error {
	if err := m.begin(op, about); err != nil {
		return err
	}
	effect()
	if m.After == nil {
		return nil
	}
	return m.After(op, about)
}

func none(what string) error {
	return fault.Stopf(fault.UserNotFound, "there is no account %s in the domain", what)
}
