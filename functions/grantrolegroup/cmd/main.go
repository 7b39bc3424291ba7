// Command grantrolegroup is the AWS Lambda function that makes an account a member of an
// Exchange role group.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.GrantRoleGroup, wire) }

func wire(ctx context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, exchange, err := clients.Both(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	room, err := p.WaitingRoom(ctx, exchange)
	if err != nil {
		return lambda.Consumer{}, err
	}
	policy := grantrolegroup.Policy(room.History.Next)
	step.Handle(p.Runner, events.GrantRoleGroup, policy, grantrolegroup.New(directory, exchange, room).Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: policy.Longest()}, nil
}
