// Command assigntargets is the AWS Lambda function that says whom a vendor's
// application is for.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.AssignTargets, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignInForConsents()
	if err != nil {
		return lambda.Consumer{}, err
	}
	applications, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	handler := assigntargets.New(assigntargets.Options{
		Applications: applications, Assignments: applications, Directory: applications, Delegations: applications,
	})
	step.Handle(p.Runner, events.AssignTargets, assigntargets.Policy, handler.Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: assigntargets.Policy.Longest()}, nil
}
