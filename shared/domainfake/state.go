package domainfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
)

// State is a domain at rest, without passwords.
type State struct {
	// Users are the accounts, by user principal name.
	Users []UserState
	// Made is how often each account was made: the next one has another GUID.
	Made map[string]int
}

// UserState is an account at rest.
type UserState struct {
	account.OnPremisesUser
	DisplayName string
}

// state copies the domain under its lock.
func (d *Domain) state() State {
	s := State{Made: maps.Clone(d.made)}
	for _, u := range d.users {
		s.Users = append(s.Users, UserState{u.OnPremisesUser, u.name})
	}
	slices.SortFunc(s.Users, func(a, b UserState) int {
		return cmp.Or(strings.Compare(a.UserPrincipalName, b.UserPrincipalName), strings.Compare(a.GUID, b.GUID))
	})
	return s
}

// Save writes a state as JSON.
func (s State) Save(w io.Writer) error {
	if err := json.NewEncoder(w).Encode(s); err != nil {
		return fmt.Errorf("save the domain: %w", err)
	}
	return nil
}

// Load puts a saved state in the place of the domain's own. On an error nothing has changed.
func (d *Domain) Load(r io.Reader) error {
	var s State
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("load the domain: the file is damaged: %w", err)
	}
	users := map[activedirectory.GUID]user{}
	for _, u := range s.Users {
		g, err := activedirectory.ParseGUID(u.GUID)
		if err != nil {
			return fmt.Errorf("load the domain: account %q: %w", u.UserPrincipalName, err)
		}
		users[g] = user{OnPremisesUser: u.OnPremisesUser, name: u.DisplayName}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users, d.made = users, map[string]int{}
	maps.Copy(d.made, s.Made)
	return nil
}

// Holdings lists the accounts, a line for each: two lists differ in what was left behind
// between them. See tenantfake.Tenant.Holdings.
func (d *Domain) Holdings() []string {
	var lines []string
	for _, u := range d.Users() {
		lines = append(lines, fmt.Sprintf("account %s in Active Directory (%s)", u.UserPrincipalName, u.GUID))
	}
	return lines
}
