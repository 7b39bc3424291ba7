package main

import (
	"context"
	"errors"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/shared/database"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/embedded"
)

func (p *program) doctorCommand() *cobra.Command {
	var tenant string
	c := p.command("doctor", "Examine each tenant: sign-in, permissions, roles, Exchange, domains", "usher doctor", exactly(), func(ctx context.Context, _ []string) error {
		reports, err := p.examine(ctx, tenant)
		if err != nil {
			return err
		}
		if err := p.list(reports, func() error { return p.showReports(reports) }); err != nil {
			return err
		}
		return verdict(reports)
	})
	c.Flags().StringVar(&tenant, "tenant", "", "only this tenant, by alias or id")
	return p.listing(c)
}

// verdict gives the first thing that is missing as the command's own end.
func verdict(reports []console.Report) error {
	for _, r := range reports {
		for _, c := range r.Checks {
			if !c.OK {
				return failed(codeOf(c.Code), "do what is said under it, then run 'usher doctor' again", "tenant %s: %s is not as it should be", r.Tenant, c.Name)
			}
		}
	}
	return nil
}

// examine asks the running server, whose credentials matter, or looks for itself.
func (p *program) examine(ctx context.Context, tenant string) (reports []console.Report, err error) {
	query := url.Values{"tenant": {tenant}}
	err = p.looking(ctx, func(s *session) error { return s.get(ctx, "/api/doctor", query, &reports) })
	return reports, err
}

// looking opens a session that only looks at tenants, and closes it after do: with the
// running server, or in this process without ledger and vault of its own.
func (p *program) looking(ctx context.Context, do func(*session) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if _, ok := running(ctx, c.Data); ok {
		return p.with(ctx, do)
	}
	// Neither ledger nor vault is needed: an empty one each, gone afterwards.
	vault, err := os.MkdirTemp("", "usher-look-")
	if err != nil {
		return err
	}
	s, err := p.inside(ctx, app.Options{Vault: "file:" + vault, Open: func(ctx context.Context, o host.Options) (*host.Engines, error) {
		return embedded.Open(ctx, o, database.Memory)
	}})
	if err != nil {
		return errors.Join(err, os.RemoveAll(vault))
	}
	return errors.Join(do(s), s.close(), os.RemoveAll(vault))
}

func (p *program) showReports(reports []console.Report) error {
	for _, r := range reports {
		if err := p.printf("%s  %s\n\n", p.look.Bold(r.Tenant), p.look.Dim(string(r.TenantID))); err != nil {
			return err
		}
		for _, c := range r.Checks {
			mark := p.look.Good("✔")
			if !c.OK {
				mark = p.look.Bad("✘")
			}
			if err := p.printf("  %s %-48s %s\n", mark, c.Name, p.look.Dim(c.Detail)); err != nil {
				return err
			}
			if c.Remedy != "" {
				if err := p.printf("      %s\n", c.Remedy); err != nil {
					return err
				}
			}
		}
		if err := p.printf("\n"); err != nil {
			return err
		}
	}
	return nil
}
