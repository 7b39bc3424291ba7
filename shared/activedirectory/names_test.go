package activedirectory

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// What means something in a distinguished name or in a search filter is a letter like any
// other in a name.
func TestNamesThatMeanSomethingToLDAP(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t), t.Context()
	for i, local := range []string{"#o'hara", "-a)(b", "a*,b+x", `q\"<;>`} {
		n := s.account(local)
		n.LogonName = s.account("n" + string(rune('a'+i))).localPart()
		n.DisplayName, n.GivenName, n.Surname = `x,OU=y)(cn=*\00 "<b>`, "(|(cn=*))", `\2a `
		made, err := s.client.Create(ctx, n)
		require.NoError(t, err, local)
		assert.Equal(t, i+1, s.accounts(), "it is in its unit, and nothing else is")
		assert.Equal(t, n.UserPrincipalName, made.UserPrincipalName)
		e := s.entry(made, "cn", "displayName", "givenName")
		assert.Equal(t, n.localPart(), e.GetAttributeValue("cn"))
		assert.Equal(t, n.DisplayName, e.GetAttributeValue("displayName"))
		assert.Equal(t, n.GivenName, e.GetAttributeValue("givenName"))
		require.NoError(t, s.signsIn(made, good))

		n.Stamp = account.StampOf("req-another")
		_, err = s.client.Create(ctx, n)
		assertFault(t, fault.Permanent, fault.NameTaken, err)
	}
	_, err := s.client.FindStamp(ctx, "usher:*")
	assertFault(t, fault.Permanent, fault.UserNotFound, err)
}
