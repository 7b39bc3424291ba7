package sambatest

import (
	"net"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"
)

func TestEachTestHasItsOwnUnit(t *testing.T) {
	t.Parallel()
	d := Start(t)
	require.NotEqual(t, d.OU(t), d.OU(t))
	var dn string
	t.Run("one that ends", func(t *testing.T) {
		dn = d.OU(t)
		add := ldap.NewAddRequest("CN=left behind,"+dn, nil)
		add.Attribute("objectClass", []string{"user"})
		require.NoError(t, d.Connect(t).Add(add))
	})
	_, err := d.Connect(t).Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", nil, nil))
	require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject), "%v", err)
}

func TestItEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	if err := installed(); err != nil {
		missing(t, err)
	}
	s, err := start(t.Context(), "127.164.0.1")
	require.NoError(t, err)
	require.NoError(t, s.close())
	require.NoDirExists(t, s.dir)
	_, err = net.Dial("tcp", s.endpoint())
	require.ErrorContains(t, err, "refused")
}

func TestAddresses(t *testing.T) {
	require.Equal(t, "127.100.0.1", address(1))
	require.Equal(t, "127.163.255.255", address(1<<22-1))
	require.True(t, net.ParseIP(address(99999)).IsLoopback())
}

// recorder is a test that says how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (*recorder) Helper() {}

func (r *recorder) Skip(...any) { r.ended += "skipped" }

func (r *recorder) Fatal(...any) { r.ended += "failed" }

func TestWithoutSamba(t *testing.T) {
	for ci, want := range map[string]string{"true": "failed", "": "skipped"} {
		t.Setenv("CI", ci)
		r := &recorder{}
		missing(r, errMissing)
		require.Equal(t, want, r.ended[:len(want)])
	}
}
