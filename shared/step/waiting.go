package step

import (
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Waiting is how patient a function is for one cause; the fields are those of Policy.
type Waiting struct {
	Patience    time.Duration
	Wait        Wait
	Tell, Alarm time.Duration
}

// during is the policy while a step waits for a cause.
func (p Policy) during(code fault.Code) Policy {
	if w, own := p.Waits[code]; own {
		p.Patience, p.Wait, p.Tell, p.Alarm = w.Patience, w.Wait, w.Tell, w.Alarm
	}
	return p
}

// EntraConnect is the patience with Entra Connect, which synchronises every 30 minutes
// unless it was set up otherwise (reference: Microsoft Entra Connect Sync, Scheduler). Two
// cycles are nothing to speak of; after six somebody should look at it; and a day is
// enough for a server that was down over night.
var EntraConnect = Waiting{Patience: 24 * time.Hour, Wait: cycles, Tell: time.Hour, Alarm: 3 * time.Hour}

// TenantSetting is the patience with a setting of the whole tenant, which takes up to an
// hour until it works everywhere (Microsoft Entra: Configure the admin consent workflow).
var TenantSetting = Waiting{Patience: 3 * time.Hour, Wait: cycles, Tell: 15 * time.Minute, Alarm: 90 * time.Minute}

// firstLook is the pause before the first look.
const firstLook = 2 * time.Second

// cycles looks after seconds at first, for a cycle may be about to run, every minute soon
// after, and every five minutes in the end.
func cycles(_ account.TenantID, waited time.Duration, _ int, rnd float64) time.Duration {
	soon := min(max(firstLook, waited/2), time.Minute)
	pause := min(max(soon, waited/12), 5*time.Minute)
	return pause + time.Duration(rnd*float64(pause)/10)
}
