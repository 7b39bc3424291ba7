// Command create handles one invocation of the function create.
package main

import (
	"path/filepath"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/invoke"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/step"
)

func main() {
	invoke.Main(invoke.Function{
		Name: events.Create, Wire: wire,
		Does: "makes (or adopts) an account and reads it back. The password is sealed in the vault of the data directory.",
	})
}

func wire(p *invoke.Process) (invoke.Handle, error) {
	o, err := clients.FromEnvironment(p.Env, p.Config)
	if err != nil {
		return nil, err
	}
	directory, err := clients.Directory(o)
	if err != nil {
		return nil, err
	}
	vault, err := secrets.OpenFileVault(filepath.Join(p.Config.Data, "vault"), secrets.Options{})
	if err != nil {
		return nil, err
	}
	password := func(avoid ...string) (account.Secret, error) { return secrets.NewPassword(nil, avoid...) }
	step.Handle(p.Runner, events.Create, create.Policy, create.New(directory, vault, password).Handle)
	return p.Step(events.Create, p.Runner.Deliver), nil
}
