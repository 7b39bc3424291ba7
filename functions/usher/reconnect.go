package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
)

// reconnectCommand walks a person through the new token or consent of one tenant.
func (p *program) reconnectCommand() *cobra.Command {
	c := p.command("reconnect TENANT", "Renew a tenant's consent or credential: what is wrong, the link or setting that cures it, and another look",
		"usher reconnect contoso", exactly("a tenant, by alias or id"), func(ctx context.Context, args []string) error {
			return p.reconnect(ctx, args[0], bufio.NewReader(p.stdin))
		})
	return p.listing(c)
}

// reconnect looks until nothing is wrong. Where nobody sits at a terminal it looks once.
func (p *program) reconnect(ctx context.Context, tenant string, answers *bufio.Reader) error {
	for {
		reports, err := p.examine(ctx, tenant)
		if err != nil {
			return err
		}
		wrong := failing(reports)
		if err := p.list(wrong, func() error { return p.showWrong(tenant, wrong) }); err != nil {
			return err
		}
		if len(wrong) == 0 || p.asJSON || !p.live {
			return verdict(reports)
		}
		if err := p.printf("Do what is said above, then press Enter to look again: "); err != nil {
			return err
		}
		if _, err := answers.ReadString('\n'); errors.Is(err, io.EOF) {
			return verdict(reports)
		} else if err != nil {
			return err
		}
	}
}

// failing leaves of each report what is not as it should be.
func failing(reports []console.Report) []console.Report {
	wrong := []console.Report{}
	for _, r := range reports {
		var checks []console.Check
		for _, c := range r.Checks {
			if !c.OK {
				checks = append(checks, c)
			}
		}
		if r.Checks = checks; len(checks) > 0 {
			wrong = append(wrong, r)
		}
	}
	return wrong
}

func (p *program) showWrong(tenant string, wrong []console.Report) error {
	if len(wrong) == 0 {
		return p.printf("%s is connected: a fresh token is taken, and it holds what Usher needs.\n", tenant)
	}
	return p.showReports(wrong)
}
