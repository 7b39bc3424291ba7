package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
)

func (p *program) noticesCommand() *cobra.Command {
	var all bool
	var tenant, account string
	var limit int
	c := p.command("notices", "What somebody should know: accounts about to expire, owners who are gone", "usher notices --all", exactly(), func(ctx context.Context, _ []string) error {
		query := url.Values{"tenant": {tenant}, "account": {account}, "limit": {fmt.Sprint(limit)}}
		if all {
			query.Set("all", "1")
		}
		return p.with(ctx, func(s *session) error { return p.listNotices(ctx, s, query) })
	})
	f := c.Flags()
	f.BoolVar(&all, "all", false, "those that are over, too")
	f.StringVar(&tenant, "tenant", "", "only this tenant, by alias or id")
	f.StringVar(&account, "account", "", "only this account, by user principal name")
	f.IntVar(&limit, "limit", 100, "at most this many, the newest")
	return p.listing(c)
}

func (p *program) listNotices(ctx context.Context, s *session, query url.Values) error {
	var found []console.Notice
	if err := s.get(ctx, "/api/notices", query, &found); err != nil {
		return err
	}
	return p.list(found, func() error {
		rows := make([][]string, 0, len(found))
		for _, n := range found {
			state := "open"
			if !n.Open {
				state = "over " + date(n.ClearedAt)
			}
			text := n.Text
			if n.Undelivered != "" {
				text += " (not delivered everywhere: " + n.Undelivered + ")"
			}
			rows = append(rows, []string{n.Kind, state, n.Tenant, date(n.RaisedAt), text})
		}
		return table(p.stdout, "No notices.", []string{"NOTICE", "STATE", "TENANT", "SINCE (UTC)", "TEXT"}, rows)
	})
}
