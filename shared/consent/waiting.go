package consent

import (
	"encoding/json"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Waiting gives the step of a request that waits for an administrator's consent, with its
// arguments; false when none does.
func Waiting(r *account.Request) (*account.Step, events.GrantConsentArgs, bool) {
	var args events.GrantConsentArgs
	st := r.Next()
	if st == nil || st.Function != events.GrantConsent || r.Cancelled != "" || r.AwaitsPerson() {
		return nil, args, false
	}
	if err := json.Unmarshal(st.Args, &args); err != nil || args.Method != events.ConsentLink {
		return nil, args, false
	}
	return st, args, true
}

// Spent reports whether a fault says that the link of a step grants nothing any more, so
// that a new one is needed.
func Spent(code fault.Code) bool {
	switch code {
	case fault.ConsentDeclined, fault.ConsentElsewhere, fault.ConsentExpired, fault.ConsentUnproven:
		return true
	}
	return false
}

// AskOf is what the ticket is asked for a step, without the link.
func AskOf(step string, a events.GrantConsentArgs) *events.StatusConsentLink {
	c := &events.StatusConsentLink{Step: step, Application: a.App, AppID: a.AppID}
	for _, p := range a.Permissions {
		c.Permissions = append(c.Permissions, account.AppPermission(p).String())
	}
	return c
}
