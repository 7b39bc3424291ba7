// Command create is the AWS Lambda function that makes (or adopts) an account.
package main

import (
	"context"
	"os"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/domains"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/references"
	"github.com/usher365/usher/shared/host/vaults"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.Create, wire) }

func wire(ctx context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	vault, err := vaults.Open(ctx, p.Config.VaultAddress(), vaults.Options{Credential: signIn})
	if err != nil {
		return lambda.Consumer{}, err
	}
	onPremises, err := domains.Open(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	password := func(avoid ...string) (account.Secret, error) { return secrets.NewPassword(nil, avoid...) }
	step.Handle(p.Runner, events.Create, create.Policy, create.New(directory, vault, password, onPremises).WithReferences(references.New(references.Options{Env: os.LookupEnv})).Handle)
	// Intake, which cannot ask a tenant for its domains, recalls what is learned here.
	learn := func(ctx context.Context) error { return p.LearnDomains(ctx, directory.Domains) }
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: create.Policy.Longest(), Begin: learn}, nil
}
