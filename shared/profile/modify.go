package profile

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// checkModify refuses a modify that asks for more than roles and role groups. The account
// is there already, made in Entra or synced from Active Directory, and nothing of it is
// written: at the end it is only relieved of what was given.
func checkModify(req events.Request) error {
	if req.Action != string(account.Modify) {
		return nil
	}
	a, access := req.Account, req.Access
	for _, asked := range []struct {
		is   bool
		what string
	}{
		{a.UserName == "", "account.userName is missing: it names the account that gets the rights"},
		{a.Mode != "" && a.Mode != string(Existing), "account.mode " + a.Mode + " makes an account: use action onboard, or leave the mode out"},
		{a.GivenName+a.Surname+a.DisplayName != "", "account.displayName, givenName and surname would rename an account that exists: leave them out"},
		{a.UsageLocation != "" || len(a.Licenses) > 0, "account.usageLocation and licenses would change an account that exists: leave them out"},
		{a.Password != nil, "account.password: the account has one already, which nobody changes"},
		{req.Delivery != nil, "delivery: there is no password to hand over"},
		{len(access.AppConsents) > 0 || access.ConsentPolicy != nil || access.Scope != nil, "access.appConsents, consentPolicy and scope are for applications"},
	} {
		if asked.is {
			return fault.Stopf(fault.RequestInvalid, "action modify gives roles and role groups to an existing account; %s", asked.what)
		}
	}
	return nil
}
