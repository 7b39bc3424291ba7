// Command assignrole handles one invocation of the function assignrole.
package main

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/invoke"
	"github.com/usher365/usher/shared/step"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.AssignRole, Wire: wire,
		Does: "gives an account a directory role and reads it back.",
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
	step.Handle(p.Runner, events.AssignRole, assignrole.Policy, assignrole.New(directory).Handle)
	return p.Step(events.AssignRole, p.Runner.Deliver), nil
}
