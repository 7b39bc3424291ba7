package sambatest

import (
	"net"
	"strings"
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

func TestReadOnlyAndGoneWhenTheTestIsOver(t *testing.T) {
	t.Parallel()
	var d *Domain
	t.Run("one that ends", func(t *testing.T) {
		d = StartReadOnly(t)
		add := ldap.NewAddRequest("OU=new,"+d.BaseDN, nil)
		add.Attribute("objectClass", []string{"organizationalUnit"})
		err := d.Connect(t).Add(add)
		require.True(t, ldap.IsErrorWithCode(err, ldap.LDAPResultReferral), "%v", err)
	})
	if d == nil {
		return // that one was left out, or failed
	}
	_, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "ldaps://"))
	require.ErrorContains(t, err, "refused")
}

func TestWhyItDoesNotStart(t *testing.T) {
	if err := installed(); err != nil {
		missing(t, err)
	}
	s, err := start(t.Context(), "/nowhere")
	require.ErrorContains(t, err, "/nowhere/fresh")
	require.NoDirExists(t, s.dir)
}

func TestAddresses(t *testing.T) {
	for want, of := range map[string][2]int{"127.64.0.1": {1, 1}, "127.191.255.255": {1<<22 - 1, 2}, "127.192.1.0": {256, 3}} {
		got, err := address(of[0], of[1])
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.True(t, net.ParseIP(got).IsLoopback())
	}
	_, err := address(1, 4)
	require.Error(t, err)
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
