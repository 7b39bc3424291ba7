package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/usher365/usher/functions/console"
)

func (p *program) deadCommand() *cobra.Command {
	c := &cobra.Command{Use: "dead", Short: "Dead letters: commands that were put aside for a person", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() }}
	const id = "the id of a dead letter ('usher dead list')"
	by := operator()
	replay := p.command("replay ID", "Send a dead letter again; a step that is done already does nothing", "usher dead replay ID", exactly(id), func(ctx context.Context, args []string) error {
		return p.settleDead(ctx, http.MethodPost, args[0], "/replay", by)
	})
	discard := p.command("discard ID", "Remove a dead letter for good", "usher dead discard ID", exactly(id), func(ctx context.Context, args []string) error {
		return p.settleDead(ctx, http.MethodDelete, args[0], "", by)
	})
	for _, order := range []*cobra.Command{replay, discard} {
		order.Flags().StringVar(&by, "by", by, "who orders it, for the audit log")
	}
	c.AddCommand(
		p.listing(p.command("list", "List the dead letters", "usher dead list", exactly(), p.listDead)),
		p.listing(p.command("show ID", "Show one dead letter with its command", "usher dead show ID", exactly(id), p.showDead)),
		p.listing(replay), p.listing(discard),
	)
	return c
}

func (p *program) listDead(ctx context.Context, _ []string) error {
	return p.with(ctx, func(s *session) error {
		var found []console.DeadLetter
		if err := s.get(ctx, "/api/dead", nil, &found); err != nil {
			return err
		}
		return p.list(found, func() error {
			rows := make([][]string, 0, len(found))
			for _, m := range found {
				rows = append(rows, []string{m.ID, m.Queue, m.Reason, date(m.DeadAt), m.Text})
			}
			return table(p.stdout, "No dead letters.", []string{"ID", "QUEUE", "REASON", "SINCE (UTC)", "TEXT"}, rows)
		})
	})
}

func (p *program) showDead(ctx context.Context, args []string) error {
	return p.with(ctx, func(s *session) error {
		var m console.DeadLetter
		if err := s.get(ctx, deadPath(args[0]), nil, &m); err != nil {
			return err
		}
		return p.list(m, func() error {
			return p.printf("%s\nqueue    %s\nreason   %s\ntext     %s\nremedy   %s\nsince    %s\ncommand  %s\n",
				p.look.Bold(m.ID), m.Queue, m.Reason, or(m.Text, "-"), or(m.Remedy, "-"), date(m.DeadAt), m.Body)
		})
	})
}

// settleDead replays or discards a dead letter; a replayed step is then seen to its end.
func (p *program) settleDead(ctx context.Context, method, id, verb, by string) error {
	return p.with(ctx, func(s *session) error {
		var m console.DeadLetter
		if err := s.work(ctx); err != nil {
			return err
		}
		if err := s.call(ctx, method, deadPath(id)+verb, url.Values{"by": {by}}, nil, &m); err != nil {
			return err
		}
		if method == http.MethodDelete || m.RequestID == "" {
			return p.list(m, func() error { return p.printf("%s: done\n", m.ID) })
		}
		if p.asJSON {
			return p.settle(ctx, s, console.Request{ID: m.RequestID})
		}
		return p.finish(ctx, s, m.RequestID, 0)
	})
}

// deadPath keeps the slashes of a message id.
func deadPath(id string) string {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "/api/dead/" + strings.Join(parts, "/")
}

func (p *program) auditCommand() *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "The audit log, a hash chain per tenant", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { p.started = true; return cmd.Help() }}
	c.AddCommand(p.listing(p.command("verify", "Prove that no line was changed, removed or reordered", "usher audit verify", exactly(), p.verify)))
	return c
}

func (p *program) verify(ctx context.Context, _ []string) error {
	return p.with(ctx, func(s *session) error {
		var chains []console.Chain
		if err := s.get(ctx, "/api/audit/verify", nil, &chains); err != nil {
			return err
		}
		var broken []string
		rows := make([][]string, 0, len(chains))
		for _, c := range chains {
			if c.Broken != "" {
				broken = append(broken, c.Tenant)
			}
			rows = append(rows, []string{c.Tenant, fmt.Sprint(c.Entries), or(c.Broken, "whole"), c.Head})
		}
		if err := p.list(chains, func() error {
			return table(p.stdout, "No audit entries yet.", []string{"TENANT", "ENTRIES", "CHAIN", "HEAD"}, rows)
		}); err != nil {
			return err
		}
		if len(broken) > 0 {
			return failed(exitFailed, "compare the ledger with a backup: somebody or something changed it", "the audit chain of %s is broken", strings.Join(broken, ", "))
		}
		return nil
	})
}

func (p *program) profilesCommand() *cobra.Command {
	c := p.listing(p.command("profiles", "The guides that requests can name", "usher profiles show sam360", exactly(), func(context.Context, []string) error {
		catalogue, err := p.catalogue()
		if err != nil {
			return err
		}
		return p.list(catalogue.List(), func() error {
			var rows [][]string
			for _, profile := range catalogue.List() {
				rows = append(rows, []string{profile.Name, profile.Vendor, profile.Title})
			}
			return table(p.stdout, "No profiles.", []string{"PROFILE", "VENDOR", "FOR"}, rows)
		})
	}))
	c.AddCommand(p.listing(p.command("show NAME", "Print one profile", "usher profiles show sam360", exactly("the name of a profile ('usher profiles')"), func(_ context.Context, args []string) error {
		catalogue, err := p.catalogue()
		if err != nil {
			return err
		}
		found, ok := catalogue.Get(args[0])
		if !ok {
			return failed(exitRefused, "known are: "+strings.Join(catalogue.Names(), ", "), "there is no profile %q", args[0])
		}
		return p.list(found, func() error { return yaml.NewEncoder(p.stdout).Encode(found) })
	})))
	return c
}

func (p *program) versionCommand() *cobra.Command {
	return p.listing(p.command("version", "Which usher this is", "usher version", exactly(), func(context.Context, []string) error {
		v := version()
		return p.list(v, func() error { return p.printf("usher %s (%s, %s)\n", v.Version, v.Commit, v.Go) })
	}))
}

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// version reads what the Go tool recorded in the binary.
func version() versionInfo {
	v := versionInfo{Version: "devel", Commit: "unknown commit", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}
