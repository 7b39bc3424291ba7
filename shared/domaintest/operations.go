package domaintest

import (
	"context"
	"slices"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/fault"
)

// OnPremisesUser finds an account by its GUID.
func (m *Memory) OnPremisesUser(_ context.Context, _ account.TenantID, guid string) (account.OnPremisesUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, _, err := m.read(guid)
	return u.OnPremisesUser, err
}

func (m *Memory) read(guid string) (user, activedirectory.GUID, error) {
	if err := m.begin("read", m.users[id(guid)].UserPrincipalName); err != nil {
		return user{}, activedirectory.GUID{}, err
	}
	g, err := activedirectory.ParseGUID(guid)
	if err != nil {
		return user{}, g, fault.Stop(fault.MalformedCommand, err)
	}
	u, there := m.users[g]
	if !there {
		return user{}, g, none(guid)
	}
	return u, g, nil
}

// OnPremisesUserOf finds the account that bears a stamp.
func (m *Memory) OnPremisesUserOf(_ context.Context, _ account.TenantID, stamp string) (account.OnPremisesUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, _, err := m.stamped(stamp)
	return u.OnPremisesUser, err
}

func (m *Memory) stamped(stamp string) (user, activedirectory.GUID, error) {
	if err := m.begin("read", stamp); err != nil {
		return user{}, activedirectory.GUID{}, err
	}
	if stamp == "" {
		return user{}, activedirectory.GUID{}, fault.Stopf(fault.MalformedCommand, "no stamp given")
	}
	for g, u := range m.users {
		if u.Stamp == stamp {
			return u, g, nil
		}
	}
	return user{}, activedirectory.GUID{}, none("with the stamp " + stamp)
}

// CreateOnPremises makes an account in three writes, or goes on after the one that an
// earlier call with the same stamp came to.
func (m *Memory) CreateOnPremises(_ context.Context, _ account.TenantID, n account.NewOnPremisesUser) (account.OnPremisesUser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.Stamp == "" || n.Password.IsZero() || n.DisplayName == "" {
		return account.OnPremisesUser{}, fault.Stopf(fault.RequestInvalid, "an account needs a stamp, a password and a display name")
	}
	u, g, err := m.stamped(n.Stamp)
	if fault.Is(err, fault.UserNotFound) {
		u, g, err = m.begun(n)
	}
	if err != nil || u.Enabled {
		return u.OnPremisesUser, err
	}
	if err := m.givePassword(g, n.Password); err != nil {
		return account.OnPremisesUser{}, err
	}
	err = m.write("enable", m.users[g].UserPrincipalName, func() { m.setEnabled(g, true) })
	return m.users[g].OnPremisesUser, err
}

// begun makes the account, disabled and without a password.
func (m *Memory) begun(n account.NewOnPremisesUser) (user, activedirectory.GUID, error) {
	for _, u := range m.users {
		if u.logonName == logonName(n.UserPrincipalName) {
			return user{}, activedirectory.GUID{}, fault.Stopf(fault.NameTaken, "the name %s belongs to %s", n.UserPrincipalName, u.GUID)
		}
	}
	if m.OUs != nil && !slices.Contains(m.OUs, n.OU) {
		return user{}, activedirectory.GUID{}, fault.Stopf(fault.ADContainerNotFound, "there is no organizational unit %q", n.OU)
	}
	var u user
	err := m.write("add", n.UserPrincipalName, func() { u = m.add(n, false) })
	return u, id(u.GUID), err
}

func (m *Memory) givePassword(g activedirectory.GUID, password account.Secret) error {
	refuses := m.Refuses
	if refuses == nil {
		refuses = func(s account.Secret) bool { return len(s.Reveal()) < 7 }
	}
	if refuses(password) {
		return fault.Retry(fault.ADPasswordRejected, 0, fault.Stopf(fault.ADPasswordRejected, "the password policy of the domain refuses the password"))
	}
	return m.write("password", m.users[g].UserPrincipalName, func() {
		u := m.users[g]
		u.password = password
		m.users[g] = u
	})
}

func (m *Memory) setEnabled(g activedirectory.GUID, enabled bool) {
	u := m.users[g]
	u.Enabled = enabled
	m.users[g] = u
}

// ours reads an account and refuses one that does not bear the stamp.
func (m *Memory) ours(guid, stamp string) (activedirectory.GUID, error) {
	u, g, err := m.read(guid)
	if err == nil && (stamp == "" || u.Stamp != stamp) {
		err = fault.Stopf(fault.AccountUnknown, "%s bears the stamp %q and not %q", guid, u.Stamp, stamp)
	}
	return g, err
}

// SetOnPremisesEnabled enables or disables an account that bears the stamp.
func (m *Memory) SetOnPremisesEnabled(_ context.Context, _ account.TenantID, guid, stamp string, enabled bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := m.ours(guid, stamp)
	if err != nil || m.users[g].Enabled == enabled {
		return err
	}
	op := "disable"
	if enabled {
		op = "enable"
	}
	return m.write(op, m.users[g].UserPrincipalName, func() { m.setEnabled(g, enabled) })
}

// DeleteOnPremises deletes an account that bears the stamp.
func (m *Memory) DeleteOnPremises(_ context.Context, _ account.TenantID, guid, stamp string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := m.ours(guid, stamp)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return nil
	case err != nil:
		return err
	}
	return m.write("delete", m.users[g].UserPrincipalName, func() { delete(m.users, g) })
}

// SetOnPremisesPassword sets the password of an account that bears the stamp.
func (m *Memory) SetOnPremisesPassword(_ context.Context, _ account.TenantID, guid, stamp string, password account.Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := m.ours(guid, stamp)
	switch {
	case err != nil:
		return err
	case password.IsZero():
		return fault.Stopf(fault.MalformedCommand, "no password given for account %s", guid)
	}
	return m.givePassword(g, password)
}
