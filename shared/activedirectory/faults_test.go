package activedirectory

import (
	"context"
	"crypto/x509"
	"net"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/sambatest"
)

func TestWhoCannotSignIn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, change := range map[string]func(*Options){
		"wrong password": func(o *Options) { o.Password = account.NewSecret("Wrong-1-password") },
		"nobody":         func(o *Options) { o.BindDN = "CN=nobody," + s.ou },
		"nonsense":       func(o *Options) { o.BindDN = "=,=" },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.with(change).FindStamp(t.Context(), "usher:x")
			assertFault(t, fault.Permanent, fault.ADSignInRefused, err)
			assert.NotContains(t, err.Error(), "Wrong-1-password")
			assert.ErrorContains(t, err, "its name or password is wrong")
		})
	}
	byName := s.with(func(o *Options) { o.BindDN = "Administrator@" + s.DNSName })
	_, err := byName.FindStamp(t.Context(), "usher:x")
	assertFault(t, fault.Permanent, fault.UserNotFound, err)
}

func TestCertificateThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	elsewhere := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(s.URL, "ldaps://"))
	}
	for name, change := range map[string]func(*Options){
		"unknown authority": func(o *Options) { o.Roots = x509.NewCertPool() },
		"another name":      func(o *Options) { o.URL, o.Dial = "ldaps://dc2.corp.example", elsewhere },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.with(change).FindStamp(t.Context(), "usher:x")
			assertFault(t, fault.Permanent, fault.ADCertificateUntrusted, err)
		})
	}
	named := s.with(func(o *Options) { o.URL, o.Dial = "ldaps://dc1.corp.example", elsewhere })
	_, err := named.FindStamp(t.Context(), "usher:x")
	assertFault(t, fault.Permanent, fault.UserNotFound, err)
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	host, _, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "ldaps://"))
	require.NoError(t, err)
	for name, port := range map[string]string{"a closed port": "1", "a port without TLS": "389"} {
		t.Run(name, func(t *testing.T) {
			c := s.with(func(o *Options) { o.URL = "ldaps://" + net.JoinHostPort(host, port) })
			_, err := c.FindStamp(t.Context(), "usher:x")
			assertFault(t, fault.Transient, fault.Unreachable, err)
		})
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	first := s.account("svc-first")
	made, err := s.client.Create(ctx, first)
	require.NoError(t, err)
	for name, change := range map[string]func(*NewAccount){
		"all names":        func(n *NewAccount) {},
		"the sign-in name": func(n *NewAccount) { n.LogonName = "other" },
		"the logon name": func(n *NewAccount) {
			n.UserPrincipalName, n.LogonName = "other@"+s.DNSName, first.localPart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := first
			n.Stamp = "usher:another-request"
			change(&n)
			_, err := s.client.Create(ctx, n)
			assertFault(t, fault.Permanent, fault.NameTaken, err)
			assert.ErrorContains(t, err, made.DN)

			// As if the other had been made just after we had looked.
			err = s.client.run(ctx, "add", n.Password, func(at *session) error {
				return at.fault(adding, at.conn.Add(n.request(s.ou, at.stamp)))
			})
			assertFault(t, fault.Permanent, fault.NameTaken, err)
		})
	}
	assert.Equal(t, 1, s.accounts())

	group := ldap.NewAddRequest("CN=svc-group,"+s.ou, nil)
	group.Attribute("objectClass", []string{"group"})
	require.NoError(t, s.Connect(t).Add(group))
	n := s.account("svc-group")
	n.UserPrincipalName = "svc-group@" + s.DNSName
	_, err = s.client.Create(ctx, n)
	assertFault(t, fault.Permanent, fault.NameTaken, err)
}

func TestPasswordThatThePolicyRefuses(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	n := s.account("svc-weak")
	n.Password = account.NewSecret("weak-0")
	_, err := s.client.Create(ctx, n)
	assertFault(t, fault.Transient, fault.ADPasswordRejected, err)
	assert.NotContains(t, err.Error(), "weak-0")
	half, err := s.client.FindStamp(ctx, n.Stamp)
	require.NoError(t, err)
	assert.False(t, half.Enabled, "an account without its password is never enabled")

	n.Password = account.NewSecret(good)
	made, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	assert.Equal(t, half.GUID, made.GUID)
	assert.True(t, made.Enabled)
	assertFault(t, fault.Transient, fault.ADPasswordRejected, s.client.SetPassword(ctx, made.GUID, n.Stamp, account.NewSecret("short")))
	require.NoError(t, s.signsIn(made, good))
}

func TestControllerThatRefersToAnother(t *testing.T) {
	t.Parallel()
	s := &scene{Domain: sambatest.StartReadOnly(t), t: t, ou: "OU=test0"}
	n := s.account("svc-elsewhere")
	n.OU = "" // that is CN=Users
	_, err := s.with(nil).Create(t.Context(), n)
	assertFault(t, fault.Permanent, fault.ADReferral, err)
}

func TestPlaceThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	n := s.account("svc-lost")
	n.OU = "OU=nowhere"
	_, err := s.client.Create(ctx, n)
	assertFault(t, fault.Permanent, fault.ADContainerNotFound, err)
	c := s.with(func(o *Options) { o.BaseDN = "OU=nowhere," + s.BaseDN })
	_, err = c.FindStamp(ctx, n.Stamp)
	assertFault(t, fault.Permanent, fault.ADContainerNotFound, err)
}

func TestWhoHasNoRights(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	plain, err := s.client.Create(ctx, s.account("svc-plain"))
	require.NoError(t, err)
	n := s.account("svc-target")
	target, err := s.client.Create(ctx, n)
	require.NoError(t, err)
	c := s.with(func(o *Options) { o.BindDN, o.Password = plain.DN, account.NewSecret(good) })

	_, err = c.Create(ctx, s.account("svc-third"))
	assertFault(t, fault.Permanent, fault.ADPermissionMissing, err)
	assertFault(t, fault.Permanent, fault.ADPermissionMissing, c.Disable(ctx, target.GUID, n.Stamp))
	assertFault(t, fault.Permanent, fault.ADPermissionMissing, c.Delete(ctx, target.GUID, n.Stamp))
	assertFault(t, fault.Permanent, fault.ADPermissionMissing, c.SetPassword(ctx, target.GUID, n.Stamp, account.NewSecret("Another-9-Lantern")))
	require.NoError(t, s.signsIn(target, good))
}

func TestWhatTheDirectoryDoesNotTake(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, attributes := range map[string]map[string][]string{
		"an attribute that the schema has not": {"extensionAttribute15": {"x"}},
		"a value that is not one":              {"logonCount": {"many"}},
		"two values for one":                   {"employeeID": {"1", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := s.account("svc-odd")
			n.Attributes = attributes
			_, err := s.client.Create(t.Context(), n)
			assertFault(t, fault.Permanent, fault.ADRequestRejected, err)
		})
	}
	made, err := s.client.Create(t.Context(), s.account("svc-parent"))
	require.NoError(t, err)
	child := ldap.NewAddRequest("CN=beneath,"+made.DN, nil)
	child.Attribute("objectClass", []string{"classStore"})
	require.NoError(t, s.Connect(t).Add(child))
	assertFault(t, fault.Permanent, fault.ADRequestRejected, s.client.Delete(t.Context(), made.GUID, made.Stamp))
}
