package profile

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// StepAwaitSync is the name of the step that waits until Entra Connect has brought the
// account from Active Directory to Entra.
const StepAwaitSync = "await-sync"

// onPremisesArgs are how an account of mode synced is made.
func onPremisesArgs(p Profile, req events.Request, t account.Tenant) (*events.OnPremisesArgs, error) {
	switch {
	case t.ActiveDirectory.BaseDN == "":
		return nil, fault.Stopf(fault.ADNotConfigured, "account.mode synced: tenant %s has no activeDirectory in the configuration (tenants[].activeDirectory)", t.Alias)
	case req.Account.UsageLocation != "":
		return nil, fault.Stopf(fault.RequestInvalid, "account.usageLocation: Entra Connect takes it from Active Directory (msExchUsageLocation); leave it out, or set that in the profile's account.activeDirectory.attributes")
	}
	d := p.Account.ActiveDirectory
	return &events.OnPremisesArgs{OU: first(d.OU, t.ActiveDirectory.OU), Attributes: d.Attributes}, nil
}

// awaitSync follows the step that makes an account in Active Directory.
func awaitSync(args events.CreateArgs) []account.Step {
	if args.OnPremises == nil {
		return nil
	}
	args.AwaitSync = true
	return []account.Step{newStep(StepAwaitSync, events.Create, "Wait until Entra Connect brings "+args.UserPrincipalName(), args)}
}
