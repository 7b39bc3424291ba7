package activedirectory

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/fault"
)

// Create makes an account: disabled, then with a password, then enabled, and reads it
// back. Wherever an earlier Create for the same stamp was cut short, this one goes on from
// there: an enabled account is finished and left as it is, a disabled one gets the
// password and is enabled. So it must not be called for an account that Usher has disabled.
//
// Faults of note, all for good unless said otherwise: NameTaken when an account without
// this stamp has one of the names; ADContainerNotFound; ADPasswordRejected, which may be
// tried again with another password; ADPermissionMissing; RequestInvalid.
func (c *Client) Create(ctx context.Context, n NewAccount) (User, error) {
	if err := n.check(c.stamp); err != nil {
		return User{}, fault.Stop(fault.RequestInvalid, err)
	}
	place, err := c.place(n.OU)
	if err != nil {
		return User{}, err
	}
	var made User
	err = c.run(ctx, "create account "+n.UserPrincipalName, n.Password, func(s *session) (err error) {
		if made, err = s.begun(n, place); err != nil || made.Enabled {
			return err
		}
		if err := s.givePassword(made, n.Password); err != nil {
			return err
		}
		if err := s.flag(made, n.enabled()); err != nil {
			return err
		}
		made, err = s.byGUID(made.GUID)
		return err
	})
	return made, err
}

// begun gives the account with our stamp, made just now if there was none.
func (s *session) begun(n NewAccount, place string) (User, error) {
	found, err := s.byStamp(n.Stamp)
	if !fault.Is(err, fault.UserNotFound) {
		return found, err
	}
	if err := s.namesFree(n); err != nil {
		return User{}, err
	}
	refused := s.fault(adding, s.conn.Add(n.request(place, s.stamp)))
	if refused != nil && !fault.Is(refused, fault.NameTaken) {
		return User{}, refused
	}
	found, err = s.byStamp(n.Stamp)
	if refused != nil && fault.Is(err, fault.UserNotFound) {
		return User{}, refused
	}
	return found, err
}

// namesFree refuses names that another account has. The directory would refuse them too,
// but an old one takes a user principal name twice, and none says who has it.
func (s *session) namesFree(n NewAccount) error {
	taken, err := s.search("(|(sAMAccountName=" + ldap.EscapeFilter(n.logonName()) + ")(userPrincipalName=" + ldap.EscapeFilter(n.UserPrincipalName) + "))")
	if err != nil || len(taken) == 0 {
		return err
	}
	names := make([]string, len(taken))
	for i, u := range taken {
		names[i] = u.DN
	}
	return fault.Stopf(fault.NameTaken, "the name %s or %s belongs to %s, which this request did not make", n.UserPrincipalName, n.logonName(), strings.Join(names, " and "))
}
