package activedirectory

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// NewAccount is an account to be made.
type NewAccount struct {
	// OU is the organizational unit, below BaseDN ("OU=Service Accounts") or in full. It
	// must exist. Empty means the container CN=Users.
	OU string
	// UserPrincipalName is the sign-in name; what stands before the @ is the object's name.
	UserPrincipalName string
	// LogonName is the name from before Windows 2000 (sAMAccountName): at most 20
	// characters, unique in the domain. Empty takes the first 20 of the sign-in name.
	LogonName   string
	DisplayName string
	GivenName   string
	Surname     string
	// Attributes are others that the profile wants, by their names in LDAP. Those that
	// Usher itself or the directory sets are refused.
	Attributes map[string][]string
	// Password is set while the account is disabled. A second Create for the same stamp
	// must bring the same one, or the one before it may be the account's.
	Password             account.Secret
	PasswordNeverExpires bool
	// Stamp marks the account as made for a request (account.StampOf).
	Stamp string
}

// Bits of userAccountControl (reference: Microsoft, "UserAccountControl property flags").
const (
	accountDisabled      = 0x2
	normalAccount        = 0x200
	passwordNeverExpires = 0x10000
)

// maxLogonName is how many characters a sAMAccountName of a user may have (reference:
// Microsoft, SAM-Account-Name attribute).
const maxLogonName = 20

func (n NewAccount) localPart() string {
	local, _, _ := strings.Cut(n.UserPrincipalName, "@")
	return local
}

func (n NewAccount) logonName() string {
	if n.LogonName != "" {
		return n.LogonName
	}
	local := n.localPart()
	return strings.TrimRight(local[:min(len(local), maxLogonName)], ".")
}

// check refuses what the directory would refuse later, or take and should not.
func (n NewAccount) check(stampAttribute string) error {
	local, domain, _ := strings.Cut(n.UserPrincipalName, "@")
	switch name := n.logonName(); {
	case n.Stamp == "" || n.Password.IsZero():
		return errors.New("an account is not made without a stamp and a password")
	case local == "" || domain == "" || n.DisplayName == "":
		return fmt.Errorf("the account %q needs a user principal name with a domain, and a display name", n.UserPrincipalName)
	case len(name) > maxLogonName || strings.ContainsAny(name, `"/\[]:;|=,+*?<>@`):
		return fmt.Errorf("the logon name %q has more than %d characters, or one that Active Directory does not take", name, maxLogonName)
	}
	for name, values := range n.Attributes {
		if !attributeName.MatchString(name) || account.ReservedOnPremises(name) || strings.EqualFold(name, stampAttribute) || len(values) == 0 {
			return fmt.Errorf("the profile cannot set the attribute %q", name)
		}
	}
	return nil
}

// place gives the distinguished name of an organizational unit (see NewAccount.OU).
func (c *Client) place(ou string) (string, error) {
	unit, err := ldap.ParseDN(cmp.Or(ou, "CN=Users"))
	switch {
	case err != nil:
		return "", fault.Stopf(fault.RequestInvalid, "the organizational unit %q is not a distinguished name: %w", ou, err)
	case c.base.EqualFold(unit) || c.base.AncestorOfFold(unit):
		return unit.String(), nil
	}
	return unit.String() + "," + c.base.String(), nil
}

// request gives the account as it is first made: disabled, without a password.
func (n NewAccount) request(place, stampAttribute string) *ldap.AddRequest {
	name := ldap.RelativeDN{Attributes: []*ldap.AttributeTypeAndValue{{Type: "CN", Value: n.localPart()}}}
	add := ldap.NewAddRequest(name.String()+","+place, nil)
	add.Attribute("objectClass", []string{"top", "person", "organizationalPerson", "user"})
	add.Attribute("userAccountControl", []string{strconv.Itoa(normalAccount | accountDisabled)})
	for _, a := range []struct{ name, value string }{
		{"sAMAccountName", n.logonName()}, {"userPrincipalName", n.UserPrincipalName}, {"displayName", n.DisplayName},
		{"givenName", n.GivenName}, {"sn", n.Surname}, {stampAttribute, n.Stamp},
	} {
		if a.value != "" {
			add.Attribute(a.name, []string{a.value})
		}
	}
	for name, values := range n.Attributes {
		add.Attribute(name, values)
	}
	return add
}

// enabled gives the flags of the finished account.
func (n NewAccount) enabled() int {
	if n.PasswordNeverExpires {
		return normalAccount | passwordNeverExpires
	}
	return normalAccount
}

// encoded gives a password as unicodePwd takes it: in double quotes, in UTF-16, the low
// byte first (reference: [MS-ADTS] 3.1.1.3.1.5.1, unicodePwd).
func encoded(password account.Secret) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(`"` + password.Reveal() + `"`)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}
