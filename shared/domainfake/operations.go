package domainfake

import (
	"context"
	"slices"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/fault"
)

// OnPremisesUser finds an account by its GUID.
func (d *Domain) OnPremisesUser(_ context.Context, _ account.TenantID, guid string) (account.OnPremisesUser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, _, err := d.read(guid)
	return u.OnPremisesUser, err
}

func (d *Domain) read(guid string) (user, activedirectory.GUID, error) {
	if err := d.begin("read", d.users[id(guid)].UserPrincipalName); err != nil {
		return user{}, activedirectory.GUID{}, err
	}
	g, err := activedirectory.ParseGUID(guid)
	if err != nil {
		return user{}, g, fault.Stop(fault.MalformedCommand, err)
	}
	u, there := d.users[g]
	if !there {
		return user{}, g, none(guid)
	}
	return u, g, nil
}

// OnPremisesUserOf finds the account that bears a stamp.
func (d *Domain) OnPremisesUserOf(_ context.Context, _ account.TenantID, stamp string) (account.OnPremisesUser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, _, err := d.stamped(stamp)
	return u.OnPremisesUser, err
}

func (d *Domain) stamped(stamp string) (user, activedirectory.GUID, error) {
	if err := d.begin("read", stamp); err != nil {
		return user{}, activedirectory.GUID{}, err
	}
	if stamp == "" {
		return user{}, activedirectory.GUID{}, fault.Stopf(fault.MalformedCommand, "no stamp given")
	}
	for g, u := range d.users {
		if u.Stamp == stamp {
			return u, g, nil
		}
	}
	return user{}, activedirectory.GUID{}, none("with the stamp " + stamp)
}

// CreateOnPremises makes an account in three writes, or goes on after the one that an
// earlier call with the same stamp came to.
func (d *Domain) CreateOnPremises(_ context.Context, _ account.TenantID, n account.NewOnPremisesUser) (account.OnPremisesUser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n.Stamp == "" || n.Password.IsZero() || n.DisplayName == "" {
		return account.OnPremisesUser{}, fault.Stopf(fault.RequestInvalid, "an account needs a stamp, a password and a display name")
	}
	u, g, err := d.stamped(n.Stamp)
	if fault.Is(err, fault.UserNotFound) {
		u, g, err = d.begun(n)
	}
	if err != nil || u.Enabled {
		return u.OnPremisesUser, err
	}
	if err := d.givePassword(g, n.Password); err != nil {
		return account.OnPremisesUser{}, err
	}
	err = d.write("enable", d.users[g].UserPrincipalName, func() { d.setEnabled(g, true) })
	return d.users[g].OnPremisesUser, err
}

// begun makes the account, disabled and without a password.
func (d *Domain) begun(n account.NewOnPremisesUser) (user, activedirectory.GUID, error) {
	for _, u := range d.users {
		if logonName(u.UserPrincipalName) == logonName(n.UserPrincipalName) {
			return user{}, activedirectory.GUID{}, fault.Stopf(fault.NameTaken, "the name %s belongs to %s", n.UserPrincipalName, u.GUID)
		}
	}
	if d.OUs != nil && !slices.Contains(d.OUs, n.OU) {
		return user{}, activedirectory.GUID{}, fault.Stopf(fault.ADContainerNotFound, "there is no organizational unit %q", n.OU)
	}
	var u user
	err := d.write("add", n.UserPrincipalName, func() { u = d.add(n, false) })
	return u, id(u.GUID), err
}

func (d *Domain) givePassword(g activedirectory.GUID, password account.Secret) error {
	refuses := d.Refuses
	if refuses == nil {
		refuses = func(s account.Secret) bool { return len(s.Reveal()) < 7 }
	}
	if refuses(password) {
		return fault.Retry(fault.ADPasswordRejected, 0, fault.Stopf(fault.ADPasswordRejected, "the password policy of the domain refuses the password"))
	}
	return d.write("password", d.users[g].UserPrincipalName, func() {
		u := d.users[g]
		u.password = password
		d.users[g] = u
	})
}

func (d *Domain) setEnabled(g activedirectory.GUID, enabled bool) {
	u := d.users[g]
	u.Enabled = enabled
	d.users[g] = u
}

// ours reads an account and refuses one that does not bear the stamp.
func (d *Domain) ours(guid, stamp string) (activedirectory.GUID, error) {
	u, g, err := d.read(guid)
	if err == nil && (stamp == "" || u.Stamp != stamp) {
		err = fault.Stopf(fault.AccountUnknown, "%s bears the stamp %q and not %q", guid, u.Stamp, stamp)
	}
	return g, err
}

// SetOnPremisesEnabled enables or disables an account that bears the stamp.
func (d *Domain) SetOnPremisesEnabled(_ context.Context, _ account.TenantID, guid, stamp string, enabled bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, err := d.ours(guid, stamp)
	if err != nil || d.users[g].Enabled == enabled {
		return err
	}
	op := "disable"
	if enabled {
		op = "enable"
	}
	return d.write(op, d.users[g].UserPrincipalName, func() { d.setEnabled(g, enabled) })
}

// DeleteOnPremises deletes an account that bears the stamp.
func (d *Domain) DeleteOnPremises(_ context.Context, _ account.TenantID, guid, stamp string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, err := d.ours(guid, stamp)
	switch {
	case fault.Is(err, fault.UserNotFound):
		return nil
	case err != nil:
		return err
	}
	return d.write("delete", d.users[g].UserPrincipalName, func() { delete(d.users, g) })
}

// SetOnPremisesPassword sets the password of an account that bears the stamp.
func (d *Domain) SetOnPremisesPassword(_ context.Context, _ account.TenantID, guid, stamp string, password account.Secret) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, err := d.ours(guid, stamp)
	switch {
	case err != nil:
		return err
	case password.IsZero():
		return fault.Stopf(fault.MalformedCommand, "no password given for account %s", guid)
	}
	return d.givePassword(g, password)
}
