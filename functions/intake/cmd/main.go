// Command intake is the AWS Lambda function that takes tickets in.
package main

import (
	"context"
	"net/http"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/webhook"
)

func main() { lambda.ServeHTTP("intake", wire) }

func wire(_ context.Context, p *lambda.Process) (http.Handler, error) {
	if err := p.Config.Check(config.NeedWebhook, config.NeedTenants); err != nil {
		return nil, err
	}
	profiles, form, err := parts.Forms(p.Config.Profiles)
	if err != nil {
		return nil, err
	}
	rules, err := parts.Policy(p.Config)
	if err != nil {
		return nil, err
	}
	office, err := handovers.New(handovers.Options{Config: p.Config, Ledger: p.Ledger, Now: p.Now, Log: p.Log, Profiles: profiles.List()})
	if err != nil {
		return nil, err
	}
	desk, err := intake.New(intake.Options{
		Ledger: p.Ledger, Deliverable: office.Check, ByLink: p.Config.PublicAddress != "", Tenants: p.Tenants.All, Profiles: profiles, Policy: rules, Trusted: p.Config.Webhooks.Approving,
		Schema: form, Now: p.Now, NewID: p.NewID,
	})
	if err != nil {
		return nil, err
	}
	verifier, err := webhook.NewVerifier(p.Config.Webhooks.Sources, p.Config.Webhooks.Tolerance, p.Now)
	if err != nil {
		return nil, err
	}
	patient := intake.Patient{Acceptor: desk, Tenants: p.Tenants.All, Learn: p.RecallDomains}
	door, err := intake.NewWebhook(intake.WebhookOptions{Desk: patient, Verifier: verifier, Log: p.Log})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(intake.Path, door)
	return mux, nil
}
