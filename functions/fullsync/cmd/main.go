// Command fullsync is the AWS Lambda function that compares tenants with what was promised.
package main

import (
	"context"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/host/profiles"
	"github.com/usher365/usher/shared/host/vaults"
	"github.com/usher365/usher/shared/step"
)

// useful is the shortest time worth beginning a comparison in: it stops before its time
// is over, and goes on with another delivery.
const useful = time.Minute

func main() { lambda.Consume(events.FullSync, wire) }

func wire(ctx context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, exchange, err := clients.Both(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	catalogue, err := profiles.Known(p.Config.Profiles)
	if err != nil {
		return lambda.Consumer{}, err
	}
	rules, err := policies.Known(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	office, err := handovers.New(handovers.Options{Config: p.Config, Ledger: p.Ledger, Now: p.Now, Log: p.Log})
	if err != nil {
		return lambda.Consumer{}, err
	}
	desk, err := intake.New(intake.Options{Ledger: p.Ledger, Deliverable: office.Check, ByLink: p.Config.PublicAddress != "", Tenants: p.Tenants.All, Profiles: catalogue, Policy: rules, Now: p.Now, NewID: p.NewID})
	if err != nil {
		return lambda.Consumer{}, err
	}
	// A client of its own, so that a token that works is not dropped for the question.
	asking, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	handler := fullsync.New(directory, exchange, p.Ledger, p.SyncRuns(), desk, p.Now)
	handler.Domains, handler.Consents = directory, directory
	handler.Operators = p.Config.Mail.Operators
	handler.Conditional = &fullsync.Conditional{Policies: directory, Products: desk, Books: p.Ledger}
	vault, err := vaults.Open(ctx, p.Config.VaultAddress(), vaults.Options{Credential: signIn})
	if err != nil {
		return lambda.Consumer{}, err
	}
	handler.Passwords = &fullsync.Passwords{Desk: desk, Vault: vault, Links: office}
	prober := fullsync.NewProber(fullsync.ProberOptions{
		Identities: []fullsync.Identity{{SignIn: asking, Own: p.Own()}}, Consents: directory, Books: p.Ledger,
		First: p.First(), Operators: p.Config.Mail.Operators, Now: p.Now,
	})
	handler.Health = prober
	step.Handle(p.Runner, events.FullSync, fullsync.Policy, handler.Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: useful, Desk: desk, Prober: prober}, nil
}
