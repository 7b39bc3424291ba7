package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
)

func (p *program) extendCommand() *cobra.Command {
	var order console.Extension
	var until, review string
	c := p.command("extend ACCOUNT --until DATE --by NAME --reason TEXT", "Let an account live longer, or for ever; the policy decides anew who must agree",
		"usher extend sam360reports@contoso.onmicrosoft.com --until 2027-06-30 --by jane@contoso.com --reason 'contract renewed'",
		exactly("an account, by user principal name or id ('usher list --accounts')"), func(ctx context.Context, args []string) (err error) {
			if order.Until, err = day("until", until); err != nil {
				return err
			}
			if order.Review, err = day("review", review); err != nil {
				return err
			}
			return p.order(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/extend", order, "")
		})
	f := c.Flags()
	f.StringVar(&until, "until", "", "the day of its new end (it begins at 00:00 UTC), YYYY-MM-DD, or a time")
	f.BoolVar(&order.Forever, "forever", false, "no end")
	f.StringVar(&review, "review", "", "the day of its next review; this one is done then")
	f.StringVar(&order.By, "by", "", "who asks for it")
	f.StringVar(&order.Reason, "reason", "", "why, for the approvers and the audit log")
	return p.needs(p.listing(c), "by", "reason")
}

// day reads a date or a time; nothing gives none.
func day(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, failed(exitUsage, "", "--%s %s", flag, fmt.Sprintf("%q is not a date such as 2027-06-30", text))
}
