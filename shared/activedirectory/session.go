package activedirectory

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
)

// session is one connection, signed in, for one call of this package.
type session struct {
	*Client
	ctx  context.Context
	conn *ldap.Conn
	// secret is the new password of the account, which must not come back in a text.
	secret account.Secret
}

// run does something on a connection of its own. doing completes "could not …".
func (c *Client) run(ctx context.Context, doing string, secret account.Secret, do func(*session) error) error {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s := &session{Client: c, ctx: within, secret: secret}
	err := s.open()
	if err == nil {
		err = s.signedIn(do)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() == context.Canceled:
		return fmt.Errorf("%s in Active Directory: %w", doing, ctx.Err())
	}
	return fmt.Errorf("could not %s in Active Directory: %w", doing, err)
}

// open makes the connection, with TLS on it.
func (s *session) open() error {
	under, err := s.dial(s.ctx, "tcp", s.address)
	if err != nil {
		return s.fault(connecting, err)
	}
	over := tls.Client(under, s.tls)
	if err := over.HandshakeContext(s.ctx); err != nil {
		return s.fault(connecting, closing(over, err))
	}
	s.conn = ldap.NewConn(over, true)
	return nil
}

// signedIn signs in and does something. A connection that is over takes everything
// that waits for an answer with it.
func (s *session) signedIn(do func(*session) error) error {
	s.conn.Start()
	if until, ok := s.ctx.Deadline(); ok {
		s.conn.SetTimeout(time.Until(until))
	}
	defer context.AfterFunc(s.ctx, func() { s.conn.Close() })()
	defer s.conn.Close() // every answer that counts has been read
	if err := s.conn.Bind(s.bindDN, s.password.Reveal()); err != nil {
		return s.fault(signingIn, err)
	}
	return do(s)
}

// search gives the objects of class user below the base that a filter finds. What it
// names of other parts of the forest is not looked at: no account of ours is there.
func (s *session) search(filter string) ([]User, error) {
	found, err := s.conn.Search(ldap.NewSearchRequest(s.base.String(), ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		0, 0, false, "(&(objectCategory=person)(objectClass=user)"+filter+")", append(userAttributes, s.stamp), nil))
	if err != nil {
		return nil, s.fault(searching, err)
	}
	users := make([]User, 0, len(found.Entries))
	for _, e := range found.Entries {
		u, err := s.userOf(e)
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

// replace sets one attribute of an account. The name that holds its GUID stays right
// when somebody renames or moves the account meanwhile.
func (s *session) replace(doing stage, id GUID, attribute, value string) error {
	change := ldap.NewModifyRequest(id.dn(), nil)
	change.Replace(attribute, []string{value})
	return s.fault(doing, s.conn.Modify(change))
}
