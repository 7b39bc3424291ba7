package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/usher/embedded"
)

func (p *program) tenantCommand() *cobra.Command {
	var listen string
	var replication time.Duration
	c := p.command("tenant", "Run only the tenant that comes along, for other programs to work on", "usher tenant --listen 127.0.0.1:8443", exactly(), func(ctx context.Context, _ []string) error {
		if err := notNegative(replication); err != nil {
			return err
		}
		config, err := p.load(preparing)
		if err != nil {
			return err
		}
		t, err := embedded.Open(embedded.Options{Dir: config.Data, Listen: listen, Replication: replication})
		if err != nil {
			return err
		}
		return errors.Join(p.runTenant(ctx, t), t.Close())
	})
	c.Flags().StringVar(&listen, "listen", "", "address, HOST:PORT (default: a free port of 127.0.0.1)")
	c.Flags().DurationVar(&replication, "replication", 20*time.Minute, "how long Exchange takes to hear of a change")
	return p.listing(c)
}

// notNegative refuses a time of replication that no tenant could take.
func notNegative(replication time.Duration) error {
	if replication < 0 {
		return failed(exitUsage, "give a time such as 20s, or 0 for at once", "--replication %s is negative", replication)
	}
	return nil
}

// runTenant says how to reach the tenant, and waits for the end.
func (p *program) runTenant(ctx context.Context, t *embedded.Tenant) error {
	err := p.list(variables(t), func() error {
		if err := p.printf("A tenant (Contoso) listens on %s: sign-in, Microsoft Graph and Exchange.\nIts certificate authority is in %s. To work on it:\n\n", t.URL, t.CACert()); err != nil {
			return err
		}
		for _, v := range t.Environment() {
			if err := p.printf("  export %s=%s\n", v.Name, v.Value); err != nil {
				return err
			}
		}
		return p.printf("\nCtrl-C stops it; its state is kept in %s.\n", embedded.StateFile)
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func variables(t *embedded.Tenant) map[string]string {
	all := map[string]string{}
	for _, v := range t.Environment() {
		all[v.Name] = v.Value
	}
	return all
}
