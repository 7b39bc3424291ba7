package activedirectory

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// User is an account as Active Directory shows it.
type User struct {
	GUID GUID
	// DN is where it is now. It changes when somebody renames or moves the account.
	DN                string
	UserPrincipalName string
	LogonName         string
	DisplayName       string
	Enabled           bool
	// Stamp is the mark of the request that made it; empty for an account of others.
	Stamp string
	// ImmutableID is what Entra shows in onPremisesImmutableId once it is synced, unless
	// Entra Connect was set up with another source anchor than the default one: that of
	// mS-DS-ConsistencyGuid, or of objectGUID while the former is empty.
	ImmutableID string
	// flags is userAccountControl.
	flags int
}

// userAttributes are what we ask for, beside the stamp.
var userAttributes = []string{"objectGUID", "mS-DS-ConsistencyGuid", "userAccountControl", "userPrincipalName", "sAMAccountName", "displayName"}

// userOf takes what we know from an entry. What is missing was hidden by the rights of
// whoever signed in: "not shown" must never read as "disabled" or "not ours".
func (s *session) userOf(e *ldap.Entry) (User, error) {
	flags, err := strconv.Atoi(e.GetEqualFoldAttributeValue("userAccountControl"))
	id := e.GetRawAttributeValue("objectGUID")
	if err != nil || len(id) != len(GUID{}) {
		return User{}, fault.Stopf(fault.ADPermissionMissing, "%s does not show its objectGUID and userAccountControl: let %s read all properties of users", e.DN, s.bindDN)
	}
	u := User{
		GUID: GUID(id), DN: e.DN, flags: flags, Enabled: flags&accountDisabled == 0,
		UserPrincipalName: e.GetEqualFoldAttributeValue("userPrincipalName"),
		LogonName:         e.GetEqualFoldAttributeValue("sAMAccountName"),
		DisplayName:       e.GetEqualFoldAttributeValue("displayName"),
		Stamp:             e.GetEqualFoldAttributeValue(s.stamp),
	}
	u.ImmutableID = u.GUID.ImmutableID()
	if anchor := e.GetEqualFoldRawAttributeValue("mS-DS-ConsistencyGuid"); len(anchor) == len(GUID{}) {
		u.ImmutableID = GUID(anchor).ImmutableID()
	}
	return u, nil
}

// Find reads an account by its GUID. One that is not there is a permanent fault UserNotFound.
func (c *Client) Find(ctx context.Context, id GUID) (User, error) {
	return c.find(ctx, "find account "+id.String(), func(s *session) (User, error) { return s.byGUID(id) })
}

// FindStamp reads the account that a request made, wherever somebody has moved it. None
// is a permanent fault UserNotFound; two, as two controllers may bring forth, are
// ADAccountAmbiguous. The attribute is not indexed in a schema as delivered, so in a large
// domain this takes its time.
func (c *Client) FindStamp(ctx context.Context, stamp string) (User, error) {
	return c.find(ctx, "find the account with the stamp "+stamp, func(s *session) (User, error) { return s.byStamp(stamp) })
}

func (c *Client) find(ctx context.Context, doing string, look func(*session) (User, error)) (User, error) {
	var found User
	err := c.run(ctx, doing, account.Secret{}, func(s *session) (err error) {
		found, err = look(s)
		return err
	})
	return found, err
}

func (s *session) byGUID(id GUID) (User, error) {
	if id.IsZero() {
		return User{}, fault.Stopf(fault.MalformedCommand, "no GUID given, so nothing was asked")
	}
	return s.one("(objectGUID=" + id.filter() + ")")
}

func (s *session) byStamp(stamp string) (User, error) {
	if stamp == "" {
		return User{}, fault.Stopf(fault.MalformedCommand, "no stamp given, so nothing was asked")
	}
	return s.one("(" + s.stamp + "=" + ldap.EscapeFilter(stamp) + ")")
}

func (s *session) one(filter string) (User, error) {
	found, err := s.search(filter)
	switch {
	case err != nil:
		return User{}, err
	case len(found) == 0:
		return User{}, fault.Stopf(fault.UserNotFound, "there is none below %s", s.base)
	case len(found) > 1:
		return User{}, fault.Stopf(fault.ADAccountAmbiguous, "there are %d, among them %s and %s", len(found), found[0].DN, found[1].DN)
	}
	return found[0], nil
}

// change does something to an account that bears the stamp, and to no other.
func (c *Client) change(ctx context.Context, doing string, id GUID, stamp string, secret account.Secret, do func(*session, User) error) error {
	return c.run(ctx, doing+" account "+id.String(), secret, func(s *session) error {
		u, err := s.byGUID(id)
		switch {
		case err != nil:
			return err
		case stamp == "" || u.Stamp != stamp:
			return fault.Stopf(fault.AccountUnknown, "%s bears the stamp %q and not %q, so it is left as it is", u.DN, u.Stamp, stamp)
		}
		return do(s, u)
	})
}

// Disable disables an account that bears the stamp. It does not read back. One that is
// disabled already is no error; one that is not there is UserNotFound, and one with
// another stamp AccountUnknown, both for good.
func (c *Client) Disable(ctx context.Context, id GUID, stamp string) error {
	return c.change(ctx, "disable", id, stamp, account.Secret{}, func(s *session, u User) error {
		if !u.Enabled {
			return nil
		}
		return s.flag(u, u.flags|accountDisabled)
	})
}

// Enable lets an account that bears the stamp sign in again, with the password it has.
// It does not read back; faults are those of Disable.
func (c *Client) Enable(ctx context.Context, id GUID, stamp string) error {
	return c.change(ctx, "enable", id, stamp, account.Secret{}, func(s *session, u User) error {
		if u.Enabled {
			return nil
		}
		return s.flag(u, u.flags&^accountDisabled)
	})
}

func (s *session) flag(u User, flags int) error {
	return s.replace(changing, u.GUID, "userAccountControl", strconv.Itoa(flags))
}

// Delete deletes an account that bears the stamp; AccountUnknown for another. One that is
// gone already is no error.
func (c *Client) Delete(ctx context.Context, id GUID, stamp string) error {
	err := c.change(ctx, "delete", id, stamp, account.Secret{}, func(s *session, u User) error {
		return s.fault(changing, s.conn.Del(ldap.NewDelRequest(u.GUID.dn(), nil)))
	})
	if fault.Is(err, fault.UserNotFound) {
		return nil
	}
	return err
}

// SetPassword sets the password of an account that bears the stamp, without knowing the
// old one, and does not ask for another at the next sign-in. Faults are those of Disable,
// and ADPasswordRejected.
func (c *Client) SetPassword(ctx context.Context, id GUID, stamp string, password account.Secret) error {
	if password.IsZero() {
		return fault.Stopf(fault.MalformedCommand, "no password given for account %s", id)
	}
	return c.change(ctx, "set the password of", id, stamp, password, func(s *session, u User) error {
		return s.givePassword(u, password)
	})
}

func (s *session) givePassword(u User, password account.Secret) error {
	return s.replace(settingPassword, u.GUID, "unicodePwd", encoded(password))
}

// dn names an object by its GUID where a distinguished name is asked for (reference:
// [MS-ADTS] 3.1.1.3.1.2.4, alternative forms of DNs).
func (g GUID) dn() string { return fmt.Sprintf("<GUID=%s>", g) }
