// Command revoke is the AWS Lambda function that takes things away from an account, or
// gives them back.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/domains"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/step"
)

func main() { lambda.Consume(events.Revoke, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	signIn, err := p.SignIn()
	if err != nil {
		return lambda.Consumer{}, err
	}
	directory, exchange, err := clients.Both(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	rules, err := policies.Known(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	if signIn, err = p.SignInForConsents(); err != nil {
		return lambda.Consumer{}, err
	}
	applications, err := clients.Directory(clients.Options{Credential: signIn, Endpoints: p.Config.Endpoints})
	if err != nil {
		return lambda.Consumer{}, err
	}
	consents := revoke.NewConsents(applications, applications, applications)
	onPremises, err := domains.Open(p.Config)
	if err != nil {
		return lambda.Consumer{}, err
	}
	handler := revoke.New(revoke.Options{Users: directory, Deleted: directory, Roles: directory, RoleGroups: exchange, OnPremises: onPremises, Limits: rules.Limits}).
		Pass(consents.Handle, revoke.ConsentParts...).Pass(revoke.NewTargets(applications).Handle, events.RevokeTargets).
		Pass(revoke.NewExclusions(directory).Handle, events.RevokeExclusion).
		Pass(revoke.NewFederation(directory).Handle, events.RevokeFederation).
		Pass(revoke.NewConsentSetting(applications).Handle, events.RevokeConsentPolicy)
	step.Handle(p.Runner, events.Revoke, revoke.Policy, handler.Handle)
	return lambda.Consumer{Handle: p.Runner.Deliver, Longest: revoke.Policy.Longest()}, nil
}
