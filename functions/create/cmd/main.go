// Command create runs the function create in a process of its own.
package main

import (
	"context"
	"path/filepath"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/secrets"
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
	vault, err := secrets.OpenFileVault(filepath.Join(p.Config.Data, "vault"), secrets.Options{})
	if err != nil {
		return err
	}
	password := func(avoid ...string) (account.Secret, error) { return secrets.NewPassword(nil, avoid...) }
	step.Handle(p.Runner, events.Create, create.Policy, create.New(directory, vault, password).Handle)
	return p.Handle(ctx, host.Worker{Function: events.Create, Handle: p.Runner.Deliver})
}
