package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

const aConnection = "a connection, by name or id ('usher list --accounts')"

func (p *program) targetsCommand() *cobra.Command {
	c := &cobra.Command{Use: "targets", Short: "The users whom a vendor's connection is for", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() }}
	c.AddCommand(
		p.listing(p.command("list CONNECTION", "Show whom a connection is for, and what single users consented to", "usher targets list vendor@contoso.onmicrosoft.com", exactly(aConnection), p.listTargets)),
		p.targetsOrder("set", events.TargetsSet, "Limit a connection to exactly these users and groups", "users", "groups", "primary"),
		p.targetsOrder("add", events.TargetsAdd, "Add users or groups", "users", "groups", "primary"),
		p.targetsOrder("remove", events.TargetsRemove, "Remove users or groups, but not the last of them", "users", "groups", "primary"),
		p.targetsOrder("extend-to-all", events.TargetsAll, "Open a connection to every user; agreed to anew where its permissions need it", "primary"),
		p.targetsOrder("sync", events.TargetsSync, "Resolve the groups anew, and put right what was changed by hand", "primary", "force"),
	)
	return c
}

// targetsOrder is a command that changes the users of a connection.
func (p *program) targetsOrder(use, change, short string, flags ...string) *cobra.Command {
	order := console.TargetsOrder{By: operator(), AssignTargetsArgs: events.AssignTargetsArgs{Change: change}}
	c := p.command(use+" CONNECTION", short, "usher targets "+use+" vendor@contoso.onmicrosoft.com", exactly(aConnection), func(ctx context.Context, args []string) error {
		return p.order(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/targets", order, "")
	})
	f := c.Flags()
	for _, name := range flags {
		switch name {
		case "users":
			f.StringArrayVar(&order.Users, "user", nil, "a whole user principal name; may be given several times")
		case "groups":
			f.StringArrayVar(&order.Groups, "group", nil, "a group's display name or object id; may be given several times")
		case "primary":
			f.StringVar(&order.Primary, "primary", "", "the user whom the vendor's product works as, or asks first")
		case "force":
			f.BoolVar(&order.Force, "force", false, "although many users are in none of the groups any more")
		}
	}
	f.BoolVar(&order.RemovePerUser, "remove-per-user", false, "withdraw what single users consented to for the same application")
	f.StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	f.StringVar(&order.Reason, "reason", "", "why, for the audit log")
	return p.listing(c)
}

func (p *program) listTargets(ctx context.Context, args []string) error {
	return p.with(ctx, func(s *session) error {
		var t console.Targets
		if err := s.get(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/targets", nil, &t); err != nil {
			return err
		}
		return p.list(t, func() error { return p.showTargets(t) })
	})
}

func (p *program) showTargets(t console.Targets) error {
	if err := p.printf("%s is for %s; primary user %s; %d of at most %d users; synchronised %s\n",
		p.look.Bold(t.Connection), t.Chosen(), or(t.Primary.UserPrincipalName, "-"), t.Current(), t.Limit, date(t.SyncedAt)); err != nil {
		return err
	}
	var rows [][]string
	for _, m := range t.Members {
		ours := "ours"
		if !m.Ours {
			ours = "was there before"
		}
		rows = append(rows, []string{m.UserPrincipalName, or(m.DisplayName, "-"), string(m.State), ours})
	}
	if err := table(p.stdout, "No user is assigned.", []string{"USER", "NAME", "STATE", "ASSIGNMENT"}, rows); err != nil || len(t.PerUser) == 0 {
		return err
	}
	return p.showPerUser(t.PerUser)
}

func (p *program) showPerUser(grants []account.PerUserGrant) error {
	var rows [][]string
	for _, g := range grants {
		rows = append(rows, []string{or(g.UserPrincipalName, g.ObjectID), or(g.DisplayName, "-"), strings.Join(g.Scopes, " ")})
	}
	if err := p.printf("\nConsents of single users, needless beside this connection ('usher targets sync CONNECTION --remove-per-user'):\n"); err != nil {
		return err
	}
	return table(p.stdout, "", []string{"USER", "NAME", "PERMISSIONS"}, rows)
}
