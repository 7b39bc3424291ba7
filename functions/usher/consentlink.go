package main

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
)

// consentLinkCommand gives an administrator a new link.
func (p *program) consentLinkCommand() *cobra.Command {
	order := console.ConsentOrder{By: operator()}
	c := p.command("link REQUEST", "Make a new consent link for a request that waits for one; the one before stops working", "usher consent link REQUEST",
		exactly("the id of a request"), func(ctx context.Context, args []string) error {
			return p.with(ctx, func(s *session) error {
				var link console.ConsentLink
				if err := s.post(ctx, "/api/requests/"+url.PathEscape(args[0])+"/consent-link", order, &link); err != nil {
					return err
				}
				return p.list(link, func() error {
					return p.printf("An administrator of the tenant opens this in a private browser window, once, until %s:\n%s\n",
						link.ExpiresAt.UTC().Format(time.RFC3339), link.URL)
				})
			})
		})
	c.Flags().StringVar(&order.By, "by", order.By, "who asks for it, for the audit log")
	return p.listing(c)
}
