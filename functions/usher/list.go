package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/timeline"
	"github.com/usher365/usher/shared/account"
)

func (p *program) listCommand() *cobra.Command {
	var accounts, all, open bool
	var tenant, name string
	var limit int
	c := p.command("list", "List requests, or accounts", "usher list --accounts", exactly(), func(ctx context.Context, _ []string) error {
		query := url.Values{"tenant": {tenant}, "account": {name}, "limit": {fmt.Sprint(limit)}}
		for flag, on := range map[string]bool{"all": all, "open": open} {
			if on {
				query.Set(flag, "1")
			}
		}
		return p.with(ctx, func(s *session) error {
			if accounts {
				return p.listAccounts(ctx, s, query)
			}
			return p.listRequests(ctx, s, query)
		})
	})
	f := c.Flags()
	f.BoolVar(&accounts, "accounts", false, "list managed accounts instead of requests")
	f.BoolVar(&all, "all", false, "syncs and accounts that are gone, too")
	f.BoolVar(&open, "open", false, "only requests that are not over")
	f.StringVar(&tenant, "tenant", "", "only this tenant, by alias or id")
	f.StringVar(&name, "account", "", "only this account, by user principal name")
	f.IntVar(&limit, "limit", 100, "at most this many, the newest")
	return p.listing(c)
}

func (p *program) listRequests(ctx context.Context, s *session, query url.Values) error {
	var found []console.Request
	if err := s.get(ctx, "/api/requests", query, &found); err != nil {
		return err
	}
	return p.list(found, func() error {
		rows := make([][]string, 0, len(found))
		for _, r := range found {
			rows = append(rows, []string{r.ID, string(r.Action), string(r.State), stepsOf(r), r.Tenant, or(r.UserPrincipalName, "-"), date(r.CreatedAt), or(ticketOf(r.Ticket), "-")})
		}
		return table(p.stdout, "No requests. 'usher request -f FILE' sends one.",
			[]string{"REQUEST", "ACTION", "STATE", "STEPS", "TENANT", "ACCOUNT", "SINCE (UTC)", "TICKET"}, rows)
	})
}

func stepsOf(r console.Request) string {
	finished := 0
	for _, s := range r.Steps {
		if s.State.Finished() {
			finished++
		}
	}
	return fmt.Sprintf("%d/%d", finished, len(r.Steps))
}

func ticketOf(t account.Ticket) string { return strings.TrimSpace(t.System + " " + or(t.Key, t.ID)) }

func (p *program) listAccounts(ctx context.Context, s *session, query url.Values) error {
	var found []console.Account
	if err := s.get(ctx, "/api/accounts", query, &found); err != nil {
		return err
	}
	return p.list(found, func() error {
		rows := make([][]string, 0, len(found))
		for _, a := range found {
			rows = append(rows, []string{a.UserPrincipalName, string(a.State), a.Tenant, or(a.Profile, "-"), string(a.Origin), grantsOf(a), date(a.ExpiresAt), or(a.Owner.Email, or(a.Owner.Name, "-"))})
		}
		return table(p.stdout, "No accounts.", []string{"ACCOUNT", "STATE", "TENANT", "PROFILE", "ORIGIN", "RIGHTS", "EXPIRES (UTC)", "OWNER"}, rows)
	})
}

func grantsOf(a console.Account) string {
	var names []string
	for _, g := range a.Grants {
		if g.State == account.GrantGiven {
			names = append(names, g.Name)
		}
	}
	return or(strings.Join(names, ", "), "-")
}

func (p *program) statusCommand() *cobra.Command {
	var watch bool
	var timeout time.Duration
	c := p.command("status REQUEST", "Show one request: its steps, and what happened", "usher status REQUEST --watch", exactly("the id of a request ('usher list' shows them)"), func(ctx context.Context, args []string) error {
		return p.with(ctx, func(s *session) error {
			r, err := s.request(ctx, args[0])
			if err != nil {
				return err
			}
			if watch && !p.asJSON {
				return p.finish(ctx, s, r.ID, timeout)
			}
			return p.list(r, func() error { return p.showRequest(r) })
		})
	})
	c.Flags().BoolVar(&watch, "watch", false, "stay and show what changes, until the request is over")
	c.Flags().DurationVar(&timeout, "timeout", 0, "stop watching after this time (exit code 6); 0 never does")
	return p.listing(c)
}

func (p *program) showRequest(r console.Request) error {
	if err := p.printf("%s\n\n", p.heading(r)); err != nil {
		return err
	}
	for _, line := range timeline.Draw(timeline.View{Request: r, Now: p.now(), Usual: usually}, p.look) {
		if err := p.printf("%s\n", line); err != nil {
			return err
		}
	}
	if r.State == account.Refused || r.State == account.Parked || r.State == account.Cancelled {
		if err := p.printf("\n%s\n", or(r.Parked, or(r.Cancelled, faultText(r)))); err != nil {
			return err
		}
	}
	if err := p.showPending(r); err != nil {
		return err
	}
	if err := p.printf("\n%s\n", p.look.Bold("What happened")); err != nil {
		return err
	}
	rows := make([][]string, 0, len(r.Timeline))
	for _, e := range r.Timeline {
		rows = append(rows, []string{"  " + e.At.UTC().Format("2006-01-02 15:04:05"), e.Kind, e.Actor, e.Text})
	}
	return table(p.stdout, "  nothing yet", []string{"  TIME (UTC)", "EVENT", "BY", "TEXT"}, rows)
}

func faultText(r console.Request) string {
	if r.Fault == nil {
		return ""
	}
	return r.Fault.Message + " " + r.Fault.Remedy
}

// heading names a request in one line.
func (p *program) heading(r console.Request) string {
	parts := []string{p.look.Bold("Request " + r.ID), string(r.Action)}
	for _, part := range []string{r.Profile, r.UserPrincipalName, r.Tenant, ticketOf(r.Ticket)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}
