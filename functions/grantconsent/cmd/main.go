// Command grantconsent is the AWS Lambda function that gives a vendor's application its
// permissions.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/consents"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.GrantConsent, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignInForConsents()
	if err != nil {
		return lambda.Consumer{}, err
	}
	applications, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	rules, err := policies.Known(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	links := consents.New(consents.Options{Config: p.Config, Ledger: p.Ledger, Tenant: p.Tenants.Find, Now: p.Now, Log: p.Log})
	step.Handle(p.Runner, events.GrantConsent, grantconsent.Policy, grantconsent.New(applications, applications, applications).
		WithSetting(grantconsent.NewSetting(applications, applications)).WithLinks(links, clients.Proof{Directory: applications}).
		WithPolicy(rules.Decide).Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: grantconsent.Policy.Longest()}, nil
}
