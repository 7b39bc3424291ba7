// Command revoke handles one invocation of the function revoke.
package main

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/invoke"
	"github.com/usher365/usher/shared/step"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.Revoke, Wire: wire,
		Does: "takes one thing away from an account, or gives it back, and reads it back.",
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
	handler := revoke.New(directory, directory, directory, exchange)
	step.Handle(p.Runner, events.Revoke, revoke.Policy, handler.Handle)
	return p.Step(events.Revoke, p.Runner.Deliver), nil
}
