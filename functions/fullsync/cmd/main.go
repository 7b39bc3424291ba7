// Command fullsync handles one invocation of the function fullsync.
package main

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/invoke"
	"github.com/usher365/usher/shared/step"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.FullSync, Wire: wire,
		Does:  "compares a tenant with what was promised.",
		Input: invoke.SyncInput, Output: invoke.SyncOutput,
	})
}

func wire(p *invoke.Process) (invoke.Handle, error) {
	o, err := clients.FromEnvironment(p.Env, p.Config)
	if err != nil {
		return nil, err
	}
	directory, err := clients.Directory(o)
	if err != nil {
		return nil, err
	}
	exchange, err := clients.Exchange(o)
	if err != nil {
		return nil, err
	}
	handler := fullsync.New(directory, exchange, p.Memory, p.Memory, p.Memory, p.Now)
	step.Handle(p.Runner, events.FullSync, fullsync.Policy, handler.Handle)
	return p.Step(events.FullSync, p.Runner.Deliver), nil
}
