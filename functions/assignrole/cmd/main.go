// Command assignrole runs the function assignrole in a process of its own.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
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
	step.Handle(p.Runner, events.AssignRole, assignrole.Policy, assignrole.New(directory).Handle)
	return p.Handle(ctx, host.Worker{Function: events.AssignRole, Handle: p.Runner.Deliver})
}
