package fullsync

import (
	"fmt"

	"github.com/usher365/usher/shared/account"
)

// The kinds of finding about accounts of on-premises Active Directory, beside those about
// every account. What differs there is put right there: Entra refuses, or the next cycle
// of Entra Connect undoes, whatever is written to them in the cloud.
const (
	// AccountUnsynced is an account that Entra Connect does not bring any more.
	AccountUnsynced = "account.unsynced"
	// AccountRejoined is one that Entra shows for another account of Active Directory.
	AccountRejoined = "account.rejoined"
)

// onPremises compares what Entra shows of an account that is mastered in Active Directory.
func (c *comparison) onPremises(u account.User) {
	o := c.account.OnPremises
	switch {
	case !o.Mastered():
	case !u.Synced:
		c.add(AccountUnsynced, "", fmt.Sprintf("Entra does not show it as synced from Active Directory (%s) any more: bring it back into the scope of Entra Connect; until then what is changed there does not reach Entra, and a revocation waits", o.Domain))
	case o.ImmutableID != "" && u.ImmutableID != o.ImmutableID:
		c.add(AccountRejoined, "", fmt.Sprintf("Entra shows it with the immutable id %s, and the account that was made in Active Directory (%s) has %s: see which account there it was joined to", u.ImmutableID, o.Domain, o.ImmutableID))
	}
}

// blocked says that an account may not sign in, and where that is mended.
func (c *comparison) blocked(u account.User) string {
	switch o := c.account.OnPremises; {
	case !u.Synced:
		return "sign-in is blocked"
	case o.Mastered():
		return fmt.Sprintf("sign-in is blocked: it is disabled in Active Directory (%s); enable it there, and wait for Entra Connect", o.Domain)
	}
	return "sign-in is blocked: it is disabled in on-premises Active Directory; enable it there, and wait for Entra Connect"
}

// gone says that an account is not in the tenant, and where it may be brought back.
func (c *comparison) gone() string {
	const gone = "the account is gone from the tenant"
	if o := c.account.OnPremises; o.Mastered() {
		return fmt.Sprintf("%s: look for it in Active Directory (%s, objectGUID %s), where it was deleted, or moved out of the scope of Entra Connect", gone, o.Domain, o.GUID)
	}
	return gone
}
