// Command checkfitness is the AWS Lambda function that looks whether an account would be able to sign in.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.CheckFitness, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	step.Handle(p.Runner, events.CheckFitness, checkfitness.Policy, checkfitness.New(directory, directory).Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: checkfitness.Policy.Longest()}, nil
}
