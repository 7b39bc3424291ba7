package main

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
)

func (p *program) rotateCommand() *cobra.Command {
	order := console.Rotation{By: operator()}
	c := p.command("rotate ACCOUNT", "Set a new password and hand it over", "usher rotate sam360reports@contoso.onmicrosoft.com --delivery link", exactly("an account, by user principal name or id ('usher list --accounts')"), func(ctx context.Context, args []string) error {
		return p.order(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/rotate", order, "")
	})
	f := c.Flags()
	f.StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	f.StringVar(&order.Reason, "reason", "", "why, for the audit log")
	f.StringVar(&order.Delivery, "delivery", "", "vault, age or link; left out: as for the account's first password")
	f.StringArrayVar(&order.Recipients, "recipient", nil, "a public key of age or SSH, for --delivery age; may be given again")
	return p.listing(c)
}
