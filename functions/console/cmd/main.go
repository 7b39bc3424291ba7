// Command console runs the function console in a process of its own: the API.
package main

import (
	"context"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
)

func main() { host.Run(serve) }

func serve(ctx context.Context, p *host.Process) error {
	if err := p.Config.Check(config.NeedAPIToken); err != nil {
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
	return p.Serve(ctx, console.New(console.Options{
		Requests: p.Ledger, Accounts: p.Ledger, Audit: p.Ledger, DeadLetters: p.Queue, Desk: desk,
		Profiles: profiles.List(), Tenants: p.Tenants.All, Token: p.Config.APIToken, Now: p.Now,
		Ready: p.Ready, Metrics: p.Metrics.Handler(),
	}))
}
