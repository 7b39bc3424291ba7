// Command intake runs the function intake in a process of its own: the webhook.
package main

import (
	"context"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/webhook"
)

func main() { host.Run(serve) }

func serve(ctx context.Context, p *host.Process) error {
	if err := p.NeedDomains(); err != nil {
		return err
	}
	verifier, err := webhook.NewVerifier(p.Config.Webhooks.Sources, p.Config.Webhooks.Tolerance, p.Now)
	if err != nil {
		return err
	}
	profiles, form, err := p.Forms()
	if err != nil {
		return err
	}
	desk, err := intake.New(intake.Options{Ledger: p.Ledger, Tenants: p.Tenants.All, Profiles: profiles, Schema: form, Now: p.Now, NewID: p.NewID})
	if err != nil {
		return err
	}
	door, err := intake.NewWebhook(intake.WebhookOptions{Desk: desk, Verifier: verifier, Log: p.Log})
	if err != nil {
		return err
	}
	return p.Serve(ctx, p.Probed(door))
}
