package activedirectory

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func options() Options {
	return Options{URL: "ldaps://dc1.corp.example", BaseDN: "DC=corp,DC=example", BindDN: "CN=usher", Password: account.NewSecret("x")}
}

func TestOptions(t *testing.T) {
	c, err := New(options())
	require.NoError(t, err)
	assert.Equal(t, "dc1.corp.example:636", c.address)
	assert.Equal(t, defaultTimeout, c.timeout)
	assert.Equal(t, DefaultStampAttribute, c.stamp)
	for name, change := range map[string]func(*Options){
		"LDAP without TLS":  func(o *Options) { o.URL = "ldap://dc1.corp.example" },
		"no host":           func(o *Options) { o.URL = "ldaps://" },
		"a password in it":  func(o *Options) { o.URL = "ldaps://me:too@dc1.corp.example" },
		"more than a host":  func(o *Options) { o.URL += "/DC=corp" },
		"no base":           func(o *Options) { o.BaseDN = "" },
		"base that is none": func(o *Options) { o.BaseDN = "corp.example" },
		"nobody":            func(o *Options) { o.BindDN = "" },
		"no password":       func(o *Options) { o.Password = account.Secret{} },
		"stamp in the name": func(o *Options) { o.StampAttribute = "SAMAccountName" },
		"stamp as a filter": func(o *Options) { o.StampAttribute = "info=*)(cn" },
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			change(&o)
			_, err := New(o)
			assert.Error(t, err)
		})
	}
}

func TestAccountsThatAreNotAskedFor(t *testing.T) {
	good := NewAccount{UserPrincipalName: "svc-a@corp.example", DisplayName: "A", Password: account.NewSecret("x"), Stamp: "usher:1"}
	require.NoError(t, good.check(DefaultStampAttribute))
	for name, change := range map[string]func(*NewAccount){
		"no stamp":             func(n *NewAccount) { n.Stamp = "" },
		"no password":          func(n *NewAccount) { n.Password = account.Secret{} },
		"no domain":            func(n *NewAccount) { n.UserPrincipalName = "svc-a" },
		"no name":              func(n *NewAccount) { n.UserPrincipalName = "@corp.example" },
		"no display name":      func(n *NewAccount) { n.DisplayName = "" },
		"a long logon name":    func(n *NewAccount) { n.LogonName = strings.Repeat("a", 21) },
		"a sign in it":         func(n *NewAccount) { n.LogonName = "a,b" },
		"a password in clear":  func(n *NewAccount) { n.Attributes = map[string][]string{"UnicodePwd": {"x"}} },
		"the stamp":            func(n *NewAccount) { n.Attributes = map[string][]string{"adminDescription": {"usher:2"}} },
		"no attribute's name":  func(n *NewAccount) { n.Attributes = map[string][]string{"a b": {"x"}} },
		"an attribute of none": func(n *NewAccount) { n.Attributes = map[string][]string{"info": nil} },
	} {
		t.Run(name, func(t *testing.T) {
			n := good
			change(&n)
			assert.Error(t, n.check(DefaultStampAttribute))
			c, err := New(options())
			require.NoError(t, err)
			_, err = c.Create(t.Context(), n)
			assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err), "%v", err)
		})
	}
}

func TestPlace(t *testing.T) {
	c, err := New(options())
	require.NoError(t, err)
	for ou, want := range map[string]string{
		"":                          "cn=users,dc=corp,dc=example",
		"OU=Service Accounts,OU=IT": "ou=service accounts,ou=it,dc=corp,dc=example",
		"OU=A\\,B":                  "ou=a\\,b,dc=corp,dc=example",
		"ou=x,dc=CORP,dc=Example":   "ou=x,dc=corp,dc=example",
		"OU=x,DC=other,DC=example":  "ou=x,dc=other,dc=example,dc=corp,dc=example",
	} {
		got, err := c.place(ou)
		require.NoError(t, err)
		assert.Equal(t, want, strings.ToLower(got))
	}
	_, err = c.place("Service Accounts")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	r := NewAccount{UserPrincipalName: "a,b+c@corp.example"}.request("OU=x", "info")
	assert.Equal(t, `cn=a\,b\+c,OU=x`, r.DN)
}

func TestPasswordAsTheDirectoryWantsIt(t *testing.T) {
	assert.Equal(t, "\"\x00a\x00\xe4\x00\x3d\xd8\x00\xde\"\x00", encoded(account.NewSecret("aä😀")))
}

func TestNothingIsAskedForNothing(t *testing.T) {
	c, err := New(options())
	require.NoError(t, err)
	s := &session{Client: c}
	_, err = s.byGUID(GUID{})
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(err))
	_, err = s.byStamp("")
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(err))
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(c.SetPassword(t.Context(), GUID{1}, "usher:x", account.Secret{})))
}
