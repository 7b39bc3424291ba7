package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher365/usher/functions/usher/bootstrap"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
)

// features tells what may be done here beyond accounts, roles and role groups. What is
// not granted is no fault: nobody has to want it.
func (x *examination) features(ctx context.Context, who entra.Identity) {
	x.hands("one hand", who)
	x.app.Applications.Forget(x.tenant.ID)
	consents, err := x.app.Applications.Identity(ctx, x.tenant.ID)
	if err != nil {
		x.fault("sign in for consents", err)
	}
	if err == nil && consents.AppID != who.AppID {
		x.passed("sign in for consents", fmt.Sprintf("application %s, object %s", consents.AppID, consents.ObjectID))
		x.hands("one hand for consents", consents)
	}
	for _, f := range bootstrap.Features() {
		lacking, provisioner := f.Lacking(bootstrap.Provisioner().App, who.Roles, who.DirectoryRoles)
		if !provisioner {
			lacking, _ = f.Lacking(bootstrap.ForConsents().App, consents.Roles, consents.DirectoryRoles)
		}
		x.feature(f, lacking)
	}
}

func (x *examination) feature(f bootstrap.Feature, lacking []string) {
	name := "feature " + string(f)
	if len(lacking) == 0 {
		x.passed(name, "granted")
		return
	}
	x.passed(name, fmt.Sprintf("not granted (%s); where it is wanted: usher bootstrap --with %s", strings.Join(lacking, ", "), f))
}

// hands looks for permissions that must not be in one application.
func (x *examination) hands(name string, who entra.Identity) {
	if both := bootstrap.TooMuch(who.Roles); both != nil {
		x.missing(name, fault.PermissionMissing, "application "+who.AppID+" holds "+strings.Join(both, " and ")+", with which it can make itself anything",
			"Prepare an application of its own for consents (usher bootstrap --with consents), set USHER_CONSENTS_CLIENT_ID, and withdraw the second permission from the first.")
	}
}
