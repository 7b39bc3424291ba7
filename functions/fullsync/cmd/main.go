// Command fullsync runs the function fullsync and its timer in a process of their own.
package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/step"
)

func main() { host.Run(serve) }

func serve(ctx context.Context, p *host.Process) error {
	o, err := clients.Of(p)
	if err != nil {
		return err
	}
	directory, err := clients.Directory(p.Engines, o)
	if err != nil {
		return err
	}
	exchange, err := clients.Exchange(p.Engines, o)
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
	handler := fullsync.New(directory, exchange, p.Ledger, p.SyncRuns(), desk, p.Now)
	step.Handle(p.Runner, events.FullSync, fullsync.Policy, handler.Handle)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.Nightly(ctx, desk) })
	group.Go(func() error {
		return p.Handle(ctx, host.Worker{Function: events.FullSync, Handle: p.Runner.Deliver})
	})
	return group.Wait()
}
