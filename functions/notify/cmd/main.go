// Command notify runs the function notify in a process of its own.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/shared/host"
)

func main() { host.Run(serve) }

func serve(ctx context.Context, p *host.Process) error {
	tell, err := host.TellerFor(p.Config.Callback, p.Log, p.Now)
	if err != nil {
		return err
	}
	handle := p.Runner.HandleNotices(notify.Policy, notify.New(tell).Handle)
	return p.Handle(ctx, host.Worker{Function: events.Notify, Handle: handle})
}
