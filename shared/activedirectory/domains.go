package activedirectory

import (
	"context"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Domains are the clients of the tenants that have an on-premises domain, by tenant, in
// the words of package account. For a tenant that has none, every method gives the
// permanent fault ADNotConfigured.
type Domains map[account.TenantID]*Client

// of finds a tenant's client and reads the GUID, which may be empty.
func (d Domains) of(t account.TenantID, guid string) (*Client, GUID, error) {
	c := d[t]
	if c == nil {
		return nil, GUID{}, fault.Stopf(fault.ADNotConfigured, "tenant %s has no activeDirectory in the configuration", t)
	}
	if guid == "" {
		return c, GUID{}, nil
	}
	id, err := ParseGUID(guid)
	if err != nil {
		return nil, GUID{}, fault.Stop(fault.MalformedCommand, err)
	}
	return c, id, nil
}

func shown(u User, err error) (account.OnPremisesUser, error) {
	if err != nil {
		return account.OnPremisesUser{}, err
	}
	return account.OnPremisesUser{
		GUID: u.GUID.String(), ImmutableID: u.ImmutableID, UserPrincipalName: u.UserPrincipalName, Enabled: u.Enabled, Stamp: u.Stamp,
	}, nil
}

// CreateOnPremises makes an account, or goes on where an earlier call with its stamp was cut short: see Client.Create.
func (d Domains) CreateOnPremises(ctx context.Context, t account.TenantID, n account.NewOnPremisesUser) (account.OnPremisesUser, error) {
	c, _, err := d.of(t, "")
	if err != nil {
		return account.OnPremisesUser{}, err
	}
	return shown(c.Create(ctx, NewAccount{
		OU: n.OU, UserPrincipalName: n.UserPrincipalName, DisplayName: n.DisplayName, GivenName: n.GivenName, Surname: n.Surname,
		Attributes: n.Attributes, Password: n.Password, PasswordNeverExpires: n.PasswordNeverExpires, Stamp: n.Stamp,
	}))
}

// OnPremisesUser reads an account by its GUID; UserNotFound, for good, when there is none.
func (d Domains) OnPremisesUser(ctx context.Context, t account.TenantID, guid string) (account.OnPremisesUser, error) {
	c, id, err := d.of(t, guid)
	if err != nil {
		return account.OnPremisesUser{}, err
	}
	return shown(c.Find(ctx, id))
}

// OnPremisesUserOf reads the account that bears a stamp: see Client.FindStamp.
func (d Domains) OnPremisesUserOf(ctx context.Context, t account.TenantID, stamp string) (account.OnPremisesUser, error) {
	c, _, err := d.of(t, "")
	if err != nil {
		return account.OnPremisesUser{}, err
	}
	return shown(c.FindStamp(ctx, stamp))
}

// SetOnPremisesEnabled enables or disables an account that bears the stamp: see
// Client.Disable and Client.Enable.
func (d Domains) SetOnPremisesEnabled(ctx context.Context, t account.TenantID, guid, stamp string, enabled bool) error {
	c, id, err := d.of(t, guid)
	switch {
	case err != nil:
		return err
	case enabled:
		return c.Enable(ctx, id, stamp)
	}
	return c.Disable(ctx, id, stamp)
}

// DeleteOnPremises deletes an account that bears the stamp: see Client.Delete.
func (d Domains) DeleteOnPremises(ctx context.Context, t account.TenantID, guid, stamp string) error {
	c, id, err := d.of(t, guid)
	if err != nil {
		return err
	}
	return c.Delete(ctx, id, stamp)
}

// SetOnPremisesPassword sets the password of an account that bears the stamp: see
// Client.SetPassword. Entra knows it some two minutes later, where Entra Connect brings
// password hashes.
func (d Domains) SetOnPremisesPassword(ctx context.Context, t account.TenantID, guid, stamp string, password account.Secret) error {
	c, id, err := d.of(t, guid)
	if err != nil {
		return err
	}
	return c.SetPassword(ctx, id, stamp, password)
}
