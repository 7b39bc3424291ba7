// Command revoke runs the function revoke in a process of its own.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/step"
)

func main() { host.Run(serve) }

func serve(ctx context.Context, p *host.Process) error {
	o, err := clients.Of(p)
	if err != nil {
		return err
	}
	directory, err := clients.Directory(p.Engines, o)
	if err != nil {
		return err
	}
	exchange, err := clients.Exchange(p.Engines, o)
	if err != nil {
		return err
	}
	handler := revoke.New(directory, directory, directory, exchange)
	step.Handle(p.Runner, events.Revoke, revoke.Policy, handler.Handle)
	return p.Handle(ctx, host.Worker{Function: events.Revoke, Handle: p.Runner.Deliver})
}
