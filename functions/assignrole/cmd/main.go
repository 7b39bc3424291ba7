// Command assignrole is the AWS Lambda function that gives an account a directory role.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.AssignRole, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	rules, err := policies.Known(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	handler := assignrole.New(assignrole.Options{Directory: directory, Schedules: directory, Limits: rules.Limits})
	step.Handle(p.Runner, events.AssignRole, assignrole.Policy, handler.Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: assignrole.Policy.Longest()}, nil
}
