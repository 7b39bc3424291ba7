package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/fault"
)

// reconnectCommand walks a person through the new token or consent of one tenant, or of
// one connection.
func (p *program) reconnectCommand() *cobra.Command {
	order := console.Reconnection{By: operator()}
	c := p.command("reconnect TENANT|CONNECTION", "Renew a tenant's credential or a connection's consent: what is wrong, what cures it, and another look",
		"usher reconnect contoso", exactly("a tenant, by alias or id, or the name of a connection"), func(ctx context.Context, args []string) error {
			if strings.Contains(args[0], "@") {
				return p.reconnectOne(ctx, args[0], order)
			}
			return p.reconnect(ctx, args[0], bufio.NewReader(p.stdin))
		})
	c.Flags().StringVar(&order.By, "by", order.By, "who orders it, for the audit log")
	c.Flags().StringVar(&order.Reason, "reason", "", "why, for the audit log")
	return p.listing(c)
}

// wrong is what is not as it should be in a tenant.
type wrong struct {
	Reports []console.Report `json:"reports"`
	Notices []console.Notice `json:"notices"`
	Unknown []string         `json:"unknown,omitempty"`
}

// reconnect looks until nothing is wrong. Where nobody sits at a terminal it looks once.
func (p *program) reconnect(ctx context.Context, tenant string, answers *bufio.Reader) error {
	for {
		reports, err := p.examine(ctx, tenant)
		if err != nil {
			return err
		}
		now, err := p.probed(ctx, tenant)
		if err != nil {
			return err
		}
		now.Reports = failing(reports)
		if err := p.list(now, func() error { return p.showWrong(tenant, now) }); err != nil {
			return err
		}
		end := now.verdict(tenant, reports)
		if end == nil || p.asJSON || !p.live {
			return end
		}
		if err := p.printf("Do what is said above, then press Enter to look again: "); err != nil {
			return err
		}
		if _, err := answers.ReadString('\n'); errors.Is(err, io.EOF) {
			return end
		} else if err != nil {
			return err
		}
	}
}

// probed has the credentials and consents of a tenant looked at, which raises and clears
// notices; without a ledger there are none.
func (p *program) probed(ctx context.Context, tenant string) (w wrong, err error) {
	c, err := p.load()
	if err != nil {
		return w, err
	}
	if _, here := running(ctx, c.Data); !here && !c.Shared.Given() {
		if _, err := os.Stat(c.DatabasePath()); errors.Is(err, fs.ErrNotExist) {
			return w, nil
		}
	}
	err = p.with(ctx, func(s *session) error {
		var found []console.Health
		if err := s.post(ctx, "/api/probe?tenant="+url.QueryEscape(tenant), struct{}{}, &found); err != nil {
			return err
		}
		for _, h := range found {
			w.Notices, w.Unknown = append(w.Notices, h.Open...), append(w.Unknown, h.Unknown...)
		}
		return nil
	})
	return w, err
}

// verdict is the command's end: the first thing that does not work. What only ends soon works.
func (w wrong) verdict(tenant string, reports []console.Report) error {
	if err := verdict(reports); err != nil {
		return err
	}
	for _, n := range w.Notices {
		if n.Kind == "credential.invalid" || n.Kind == "consent.missing" {
			return failed(exitRefused, "do what the notice says, then run 'usher reconnect "+tenant+"' again", "%s", n.Text)
		}
	}
	return nil
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

func (p *program) showWrong(tenant string, w wrong) error {
	if len(w.Notices) > 0 {
		if err := p.printf("Open notices of %s:\n\n", tenant); err != nil {
			return err
		}
		if err := p.showNotices(w.Notices); err != nil {
			return err
		}
	}
	for _, what := range w.Unknown {
		if err := p.printf("Not known now: %s\n", what); err != nil {
			return err
		}
	}
	if len(w.Reports) == 0 && w.verdict(tenant, nil) == nil {
		return p.printf("%s is connected: a fresh token is taken, and it holds what Usher needs.\n", tenant)
	}
	return p.showReports(w.Reports)
}

func (p *program) showNotices(notices []console.Notice) error {
	for _, n := range notices {
		if err := p.printf("  %s %s, since %s\n      %s\n\n", p.look.Bad("✘"), n.Kind, date(n.RaisedAt), n.Text); err != nil {
			return err
		}
	}
	return nil
}

// reconnectOne asks for the consents of one connection again where they are gone, follows
// the request to its end, and looks again.
func (p *program) reconnectOne(ctx context.Context, name string, order console.Reconnection) error {
	var c connected
	look := func(s *session) (err error) { c, err = p.looked(ctx, s, name); return err }
	if err := p.with(ctx, look); err != nil {
		return err
	}
	if len(c.gone) > 0 {
		if err := p.showNotices(c.gone); err != nil {
			return err
		}
		if err := p.order(ctx, "/api/accounts/"+url.PathEscape(name)+"/reconnect", order, "Asked for its consents once more."); err != nil {
			return err
		}
		if err := p.with(ctx, look); err != nil {
			return err
		}
	}
	switch {
	case len(c.gone) > 0:
		return failed(codeOf(fault.ConsentMissing), "where an administrator consents by link, 'usher status' of the request says how; then run this again", "%s", c.gone[0].Text)
	case len(c.unknown) > 0:
		return failed(exitWaiting, "run this again in 15 minutes; 'usher doctor' says what Usher may not read", "not known now: %s", c.unknown[0])
	}
	return p.printf("%s is connected: its application is in the tenant and holds what it was given.\n", name)
}

// connected is how one connection was found.
type connected struct {
	// gone are the notices that say that its consent is gone.
	gone []console.Notice
	// unknown says in words what could not be seen of it.
	unknown []string
}

// looked has the tenant of a connection looked at.
func (p *program) looked(ctx context.Context, s *session, name string) (c connected, err error) {
	var a console.Account
	if err := s.get(ctx, "/api/accounts/"+url.PathEscape(name), nil, &a); err != nil {
		return c, err
	}
	var found []console.Health
	if err := s.post(ctx, "/api/probe?tenant="+url.QueryEscape(string(a.TenantID)), struct{}{}, &found); err != nil {
		return c, err
	}
	for _, h := range found {
		c.gone = append(c.gone, consentGone(a, h.Open)...)
		c.unknown = append(c.unknown, unknownOf(a, h.Unknown)...)
	}
	return c, nil
}

// unknownOf is what could not be seen of a connection. The names of others may end like its own.
func unknownOf(a console.Account, all []string) (about []string) {
	for _, what := range all {
		if strings.Contains(what, " "+a.UserPrincipalName+":") {
			about = append(about, what)
		}
	}
	return about
}

// consentGone are the notices that say that a connection's consent is gone.
func consentGone(a console.Account, open []console.Notice) (about []console.Notice) {
	for _, n := range open {
		if n.AccountID == a.ID && n.Kind == "consent.missing" {
			about = append(about, n)
		}
	}
	return about
}
