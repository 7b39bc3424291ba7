package activedirectory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/sambatest"
)

// scene is an organizational unit of its own in a real domain.
type scene struct {
	*sambatest.Domain
	t      *testing.T
	ou     string
	client *Client
}

func newScene(t *testing.T) *scene {
	s := &scene{Domain: sambatest.Start(t), t: t}
	s.ou = s.OU(t)
	s.client = s.with(nil)
	return s
}

// patience is enough for a server on this machine, however busy it is.
const patience = 20 * time.Second

// with gives a client whose options are like those of the scene but for what change says.
func (s *scene) with(change func(*Options)) *Client {
	s.t.Helper()
	o := Options{URL: s.URL, BaseDN: s.BaseDN, BindDN: s.BindDN, Password: s.Password, Roots: s.Roots, Timeout: patience}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	require.NoError(s.t, err)
	return c
}

// good is a password that the domain takes.
const good = "Quarantine-7-Harbour"

// account is one to be made in the scene; names are unique in the domain, so they bear
// the number of the organizational unit.
func (s *scene) account(name string) NewAccount {
	number, _, _ := strings.Cut(strings.TrimPrefix(s.ou, "OU=test"), ",")
	name += number
	return NewAccount{
		OU: s.ou, UserPrincipalName: name + "@" + s.DNSName, DisplayName: "Quarantine Service",
		Password: account.NewSecret(good), Stamp: account.StampOf("req-" + name),
	}
}

// entry reads what the domain holds of an account.
func (s *scene) entry(u User, attributes ...string) *ldap.Entry {
	s.t.Helper()
	found, err := s.Connect(s.t).Search(ldap.NewSearchRequest(u.DN, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", attributes, nil))
	require.NoError(s.t, err)
	require.Len(s.t, found.Entries, 1)
	return found.Entries[0]
}

// accounts counts what is in the organizational unit.
func (s *scene) accounts() int {
	s.t.Helper()
	found, err := s.Connect(s.t).Search(ldap.NewSearchRequest(s.ou, ldap.ScopeSingleLevel, 0, 0, 0, false, "(objectClass=*)", nil, nil))
	require.NoError(s.t, err)
	return len(found.Entries)
}

// signsIn tells whether an account can sign in with a password.
func (s *scene) signsIn(u User, password string) error {
	s.t.Helper()
	c := s.with(func(o *Options) { o.BindDN, o.Password = u.DN, account.NewSecret(password) })
	_, err := c.FindStamp(s.t.Context(), "usher:nobody")
	if fault.Is(err, fault.UserNotFound) {
		return nil
	}
	return err
}

// assertFault compares class and code, and makes sure that no password is in the text.
func assertFault(t *testing.T, class fault.Class, code fault.Code, err error) {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, code, fault.CodeOf(err), "%v", err)
	assert.Equal(t, class, fault.ClassOf(err), "%v", err)
	text := fmt.Sprintf("%v %+v", err, err)
	assert.NotContains(t, text, good)
	t.Log(err)
}
