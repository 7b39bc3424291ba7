// Command grantrolegroup handles one invocation of the function grantrolegroup.
package main

import (
	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/invoke"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/step"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.GrantRoleGroup, Wire: wire,
		Does: "makes an account a member of an Exchange role group and reads it back.",
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
	// What replication usually takes was learned by nobody yet: each wait follows the first guess.
	history := &patience.History{}
	handler := grantrolegroup.New(directory, exchange, patience.NewRoom(exchange, history, p.Now))
	step.Handle(p.Runner, events.GrantRoleGroup, grantrolegroup.Policy(history.Next), handler.Handle)
	return p.Step(events.GrantRoleGroup, p.Runner.Deliver), nil
}
