// Command notify handles one invocation of the function notify.
package main

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/invoke"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.Notify, Wire: wire,
		Does: "tells the ticketing system how a request stands, or the log when no call-back is configured.",
	})
}

func wire(p *invoke.Process) (invoke.Handle, error) {
	tell, err := parts.TellerFor(p.Config.Callback, p.Log, p.Now)
	if err != nil {
		return nil, err
	}
	return p.Step(events.Notify, p.Runner.HandleNotices(notify.Policy, notify.New(tell).Handle)), nil
}
