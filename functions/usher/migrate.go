package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/shared/ledger/postgres"
)

func (p *program) migrateCommand() *cobra.Command {
	var check bool
	c := p.command("migrate", "Make the tables of the PostgreSQL ledger, or bring them up to date", "usher migrate --check", exactly(), func(ctx context.Context, _ []string) error {
		c, err := p.load(preparing)
		if err != nil {
			return err
		}
		if !c.Shared.Given() {
			return failed(exitConfig, "set USHER_DATABASE_URL=postgres://…; the embedded ledger makes its tables by itself", "no PostgreSQL ledger is configured")
		}
		names, err := postgres.Migrate(ctx, c.Shared.Database.Reveal(), check)
		switch {
		case err != nil:
			return failed(exitFailed, "put that right and run it again; nothing was changed", "%w", err)
		case len(names) == 0:
			return p.printf("The ledger is up to date.\n")
		}
		for _, name := range names {
			if err := p.printf("%s\n", name); err != nil {
				return err
			}
		}
		if check {
			return failed(exitFailed, "run 'usher migrate' as a user that may create tables", "the ledger lacks what is listed")
		}
		return nil
	})
	c.Flags().BoolVar(&check, "check", false, "only list what is missing, and fail if anything is")
	return c
}
