// Package domainfake is a small on-premises Active Directory in memory: the stand-in that
// the embedded tenant brings along, and that tests act on. Package tenantfake plays Entra
// Connect between the two, package domaintest holds it against a real domain controller.
package domainfake

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

// Domain is a domain in memory, in our words: what activedirectory.Domains promises,
// without a wire, the same for every tenant. Hooks make it fail, before or after each
// write: "add", "password", "enable", "disable" and "delete", and before "read". They are
// told which account it is about, by its name or, where that is not known, its stamp.
type Domain struct {
	// Before is asked before each read or write; an error is returned and nothing happens.
	Before func(op, about string) error
	// After is asked after each write; an error is returned although it happened: a lost reply.
	After func(op, about string) error
	// Refuses is the domain's password policy; nil refuses what has fewer than seven characters.
	Refuses func(account.Secret) bool
	// OUs are the organizational units that exist; nil stands for all.
	OUs []string
	// Keep is given the state after each write, for Load; nil keeps nothing.
	Keep func(State)

	mu    sync.Mutex
	made  map[string]int
	users map[activedirectory.GUID]user
	calls []string
}

type user struct {
	account.OnPremisesUser
	name     string
	password account.Secret
}

// New gives an empty domain.
func New() *Domain {
	return &Domain{made: map[string]int{}, users: map[activedirectory.GUID]user{}}
}

// Put adds an account that somebody else made, enabled, and gives its GUID.
func (d *Domain) Put(upn string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add(account.NewOnPremisesUser{UserPrincipalName: upn, DisplayName: upn}, true).GUID
}

// Calls lists the operations asked for, in order.
func (d *Domain) Calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Users lists the accounts, by user principal name.
func (d *Domain) Users() []account.OnPremisesUser {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]account.OnPremisesUser, 0, len(d.users))
	for _, u := range d.users {
		list = append(list, u.OnPremisesUser)
	}
	slices.SortFunc(list, func(a, b account.OnPremisesUser) int {
		return cmp.Or(strings.Compare(a.UserPrincipalName, b.UserPrincipalName), strings.Compare(a.GUID, b.GUID))
	})
	return list
}

// Password is the one that the account of that GUID has.
func (d *Domain) Password(guid string) account.Secret {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.users[id(guid)].password
}

// SyncedUsers lists the accounts for a tenantfake.Connector.
func (d *Domain) SyncedUsers(context.Context) ([]tenantfake.OnPremisesUser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []tenantfake.OnPremisesUser
	for _, key := range slices.SortedFunc(maps.Keys(d.users), func(a, b activedirectory.GUID) int { return strings.Compare(a.String(), b.String()) }) {
		u := d.users[key]
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
func (d *Domain) add(n account.NewOnPremisesUser, enabled bool) user {
	key := n.Stamp + "/" + n.UserPrincipalName
	d.made[key]++
	sum := sha256.Sum256(fmt.Append(nil, key, d.made[key]))
	g := activedirectory.GUID(sum[:16])
	u := user{name: n.DisplayName, OnPremisesUser: account.OnPremisesUser{
		GUID: g.String(), ImmutableID: g.ImmutableID(), UserPrincipalName: n.UserPrincipalName, Stamp: n.Stamp, Enabled: enabled,
	}}
	d.users[g] = u
	return u
}

// begin notes an operation and asks the hook.
func (d *Domain) begin(op, about string) error {
	d.calls = append(d.calls, op)
	if d.Before == nil {
		return nil
	}
	return d.Before(op, about)
}

// write is one write between the hooks.
func (d *Domain) write(op, about string, effect func()) error {
	if err := d.begin(op, about); err != nil {
		return err
	}
	effect()
	if d.Keep != nil {
		d.Keep(d.state())
	}
	if d.After == nil {
		return nil
	}
	return d.After(op, about)
}

func none(what string) error {
	return fault.Stopf(fault.UserNotFound, "there is no account %s in the domain", what)
}
