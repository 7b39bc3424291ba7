package main

import (
	"context"
	"fmt"
	"net/url"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// operator is the name that goes into the audit when none is given: who runs usher.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "operator"
}

func (p *program) revokeCommand() *cobra.Command {
	order := console.Revocation{By: operator()}
	c := p.command("revoke ACCOUNT", "Take an account away: rights, sessions, then the account itself", "usher revoke sam360reports@contoso.onmicrosoft.com --reason 'contract ended'", exactly("an account, by user principal name or id ('usher list --accounts')"), func(ctx context.Context, args []string) error {
		return p.order(ctx, "/api/accounts/"+url.PathEscape(args[0])+"/revoke", order, "")
	})
	f := c.Flags()
	f.StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	f.StringVar(&order.Reason, "reason", "", "why, for the audit log")
	f.BoolVar(&order.Force, "force", false, "in spite of a hold")
	f.StringVar(&order.Mode, "mode", "delete", "delete, or disable and leave it")
	f.IntVar(&order.GraceDays, "grace-days", 0, "days between disabling and deleting")
	return p.listing(c)
}

func (p *program) undoCommand() *cobra.Command {
	order := console.Undo{By: operator()}
	c := p.command("undo REQUEST", "Take an offboarding back, within 30 days of the deletion", "usher undo REQUEST", exactly("the id of an offboarding ('usher list')"), func(ctx context.Context, args []string) error {
		return p.order(ctx, "/api/requests/"+url.PathEscape(args[0])+"/undo", order, "")
	})
	c.Flags().StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	return p.listing(c)
}

func (p *program) needs(c *cobra.Command, flags ...string) *cobra.Command {
	for _, f := range flags {
		if err := c.MarkFlagRequired(f); err != nil {
			panic(err) // a flag that the command does not have: a slip in this file
		}
	}
	return c
}

// order sends an order of a person and shows what follows from it to its end.
func (p *program) order(ctx context.Context, path string, in any, said string) error {
	return p.with(ctx, func(s *session) error { return p.orderIn(ctx, s, path, in, said) })
}

func (p *program) orderIn(ctx context.Context, s *session, path string, in any, said string) error {
	var r console.Request
	if err := s.work(ctx); err != nil {
		return err
	}
	if err := s.post(ctx, path, in, &r); err != nil {
		return err
	}
	if p.asJSON {
		return p.settle(ctx, s, r)
	}
	if said != "" {
		if err := p.printf("%s\n", said); err != nil {
			return err
		}
	}
	return p.finish(ctx, s, r.ID, 0)
}

// settle waits for a request without showing it, and writes it as JSON in the end.
func (p *program) settle(ctx context.Context, s *session, r console.Request) error {
	quiet := *p
	quiet.stdout, quiet.live = nowhere{}, false
	f := follower{program: &quiet, api: &s.client, enough: s.enough}
	last, err := f.show(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := p.list(last, nil); err != nil {
		return err
	}
	return outcome(last)
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// finish shows a request until it is over, waits long, or the time (zero: none) is up.
func (p *program) finish(ctx context.Context, s *session, id string, timeout time.Duration) error {
	r, err := s.request(ctx, id)
	if err != nil {
		return err
	}
	if err := p.printf("%s\n\n", p.heading(r)); err != nil {
		return err
	}
	end := p.now().Add(timeout)
	f := follower{program: p, api: &s.client, usual: usually, enough: func(r console.Request) bool {
		return s.enough(r) || timeout > 0 && p.now().After(end)
	}}
	if r, err = f.show(ctx, id); err != nil {
		return err
	}
	if len(r.Steps) == 0 && r.State == account.Succeeded {
		return p.printf("Done; nothing had to be changed in the tenant.\n")
	}
	return outcome(r)
}

func (p *program) syncCommand() *cobra.Command {
	order := console.SyncOrder{By: operator()}
	c := p.command("sync", "Run the nightly sync now, of every tenant or of one", "usher sync --tenant contoso", exactly(), func(ctx context.Context, _ []string) error {
		return p.with(ctx, func(s *session) error { return p.sync(ctx, s, order) })
	})
	c.Flags().StringVar(&order.Tenant, "tenant", "", "only this tenant, by alias or id")
	c.Flags().StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	return p.listing(c)
}

// sync starts the runs, sees them to their end, and shows what they found.
func (p *program) sync(ctx context.Context, s *session, order console.SyncOrder) error {
	var started []console.Request
	if err := s.work(ctx); err != nil {
		return err
	}
	if err := s.post(ctx, "/api/sync", order, &started); err != nil {
		return err
	}
	quiet := *p
	if p.asJSON {
		quiet.stdout, quiet.live = nowhere{}, false
	}
	var failures error
	for _, r := range started {
		if err := quiet.printf("Sync of %s\n\n", p.look.Bold(r.Tenant)); err != nil {
			return err
		}
		f := follower{program: &quiet, api: &s.client, enough: s.enough}
		r, err := f.show(ctx, r.ID)
		if err != nil {
			return err
		}
		if err := outcome(r); err != nil {
			failures = err
		}
	}
	if err := p.showRuns(ctx, s, started); err != nil {
		return err
	}
	return failures
}

func (p *program) showRuns(ctx context.Context, s *session, started []console.Request) error {
	runs, err := s.runs(ctx, started)
	if err != nil {
		return err
	}
	return p.list(runs, func() error {
		for _, run := range runs {
			if err := p.printf("\n%d users, %d licensed, %d accounts of ours, %d findings\n", run.Users, run.Licensed, run.Accounts, len(run.Findings)); err != nil {
				return err
			}
			for _, f := range run.Findings {
				if err := p.printf("  %-18s %s\n", f.Kind, f.Text); err != nil {
					return err
				}
			}
			if run.Withheld != "" {
				if err := p.printf("  removals withheld: %s\n", run.Withheld); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// runs gives the runs of the given requests.
func (s *session) runs(ctx context.Context, of []console.Request) (found []ledger.SyncRun, err error) {
	var all []ledger.SyncRun
	if err := s.get(ctx, "/api/sync", nil, &all); err != nil {
		return nil, fmt.Errorf("read what the sync found: %w", err)
	}
	for _, r := range of {
		for _, candidate := range all {
			if candidate.RequestID == r.ID {
				found = append(found, candidate)
			}
		}
	}
	return found, nil
}
