// Command handover is the AWS Lambda function that hands passwords over, and sets new ones.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/domains"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/vaults"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.HandOver, wire) }

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
	office, err := handovers.New(handovers.Options{Config: p.Config, Ledger: p.Ledger, Now: p.Now, Log: p.Log})
	if err != nil {
		return lambda.Consumer{}, err
	}
	onPremises, err := domains.Open(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	password := func(avoid ...string) (account.Secret, error) { return secrets.NewPassword(nil, avoid...) }
	handler := handover.New(handover.Options{
		Directory: directory, OnPremises: onPremises, Vault: vault, Links: office, Seal: handovers.Seal, Passwords: password,
	})
	step.Handle(p.Runner, events.HandOver, handover.Policy, handler.Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: handover.Policy.Longest()}, nil
}
