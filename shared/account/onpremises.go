package account

import "strings"

// OnPremises says where an account is mastered in on-premises Active Directory, from
// where Entra Connect brings it to Entra. It is empty for an account that is made in
// Entra, and for an adopted one, of which nothing is changed on either side.
type OnPremises struct {
	// Domain is the base of the directory, such as DC=corp,DC=example. It is known before
	// the account is made.
	Domain string `json:"domain,omitempty"`
	// GUID is the account's objectGUID in its written form, empty until it is known to exist.
	GUID string `json:"guid,omitempty"`
	// ImmutableID is what Entra will show in onPremisesImmutableId.
	ImmutableID string `json:"immutableId,omitempty"`
}

// Mastered reports whether the account is made, disabled and deleted in Active Directory.
func (o OnPremises) Mastered() bool { return o.Domain != "" }

// ActiveDirectory is a tenant's on-premises domain as far as a plan has to know it. The
// zero value means that none is configured.
type ActiveDirectory struct {
	// BaseDN is its root, or the part of it that Usher works in.
	BaseDN string
	// OU is the organizational unit of accounts whose profile names none.
	OU string
}

// OnPremisesUser is an account as Active Directory shows it.
type OnPremisesUser struct {
	// GUID is its objectGUID in its written form, ImmutableID what Entra will show for it.
	GUID, ImmutableID string
	UserPrincipalName string
	Enabled           bool
	// Stamp is the mark of the request that made it (see StampOf); empty on others.
	Stamp string
}

// NewOnPremisesUser is an account to be made in Active Directory.
type NewOnPremisesUser struct {
	// OU is the organizational unit, below the domain's base or in full.
	OU                string
	UserPrincipalName string
	DisplayName       string
	GivenName         string
	Surname           string
	// Attributes are others that the profile wants, by their names in LDAP.
	Attributes           map[string][]string
	Password             Secret
	PasswordNeverExpires bool
	Stamp                string
}

// reserved are attributes, in lower case, that no profile sets: ours, those that hold a
// password or give rights, and the key by which Entra Connect finds the account.
var reserved = setOf("objectClass", "cn", "name", "distinguishedName", "objectGUID", "objectSid", "mS-DS-ConsistencyGuid",
	"userPrincipalName", "sAMAccountName", "displayName", "givenName", "sn",
	"userAccountControl", "unicodePwd", "userPassword", "unixUserPassword", "pwdLastSet", "accountExpires", "lockoutTime",
	"memberOf", "primaryGroupID", "adminCount", "sIDHistory", "servicePrincipalName", "altSecurityIdentities",
	"msDS-AllowedToDelegateTo", "msDS-AllowedToActOnBehalfOfOtherIdentity", "msDS-KeyCredentialLink", "nTSecurityDescriptor")

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

// ReservedOnPremises reports whether an attribute of Active Directory, by its name in LDAP,
// is none that a profile may set.
func ReservedOnPremises(attribute string) bool { return reserved[strings.ToLower(attribute)] }
