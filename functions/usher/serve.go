package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/azurefunctions"
	"github.com/usher365/usher/shared/identity"
)

// serving is what 'usher serve' is told.
type serving struct {
	listen, tenant string
	functions      []string
	replication    time.Duration
}

// all are the functions that are served.
func (o serving) all() []string {
	if len(o.functions) == 0 {
		return app.Functions()
	}
	return o.functions
}

func (p *program) serveCommand() *cobra.Command {
	var o serving
	c := p.command("serve", "Run every function in one process, or some of them", "usher serve --listen 127.0.0.1:8080", exactly(), func(ctx context.Context, _ []string) error {
		return p.serve(ctx, o)
	})
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "", "address of webhook, API and /readyz, HOST:PORT (default USHER_LISTEN, or 127.0.0.1:8080)")
	f.StringSliceVar(&o.functions, "functions", nil, "what this process serves, of "+strings.Join(app.Functions(), ",")+" (default all); the nightly timer runs with fullsync")
	f.StringVar(&o.tenant, "tenant", "", "embedded: the tenant that comes along, with the settings of the entry that has its id; real: the configured ones (default: real when any is configured)")
	f.DurationVar(&o.replication, "replication", quickReplication, "how long Exchange takes to hear of a change in the embedded tenant, and how often Entra Connect takes over")
	return c
}

func (p *program) serve(ctx context.Context, o serving) (err error) {
	for _, name := range o.functions {
		if !slices.Contains(app.Functions(), name) {
			return failed(exitUsage, "the functions are "+strings.Join(app.Functions(), ", "), "--functions: there is no function %q", name)
		}
	}
	if err := notNegative(o.replication); err != nil {
		return err
	}
	s, err := p.settings(o.tenant, embedded.Options{Replication: o.replication}, o.functions...)
	if err != nil {
		return p.allOf(err, o)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if o.listen != "" {
		s.Listen = o.listen
	}
	if err := s.complete(o); err != nil {
		return err
	}
	port, underFunctions := p.env(azurefunctions.PortVariable)
	if underFunctions {
		if err := s.outlives(); err != nil {
			return err
		}
		s.Listen = net.JoinHostPort("127.0.0.1", port)
	}
	a, err := s.open(ctx, app.Options{Engines: host.Options{Log: p.logStderr()}, Functions: o.functions})
	if err != nil {
		return err
	}
	serve := a.Serve
	if underFunctions {
		serve = a.ServeAzureFunctions
	}
	return bounded(ctx, func() error { return errors.Join(p.attend(ctx, s, a, serve), a.Close()) })
}

// attend opens the address, says where it is, and serves.
func (p *program) attend(ctx context.Context, s *settings, a *app.App, serve func(context.Context, net.Listener) error) (err error) {
	l, err := host.Listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	here := server{URL: reachable(l.Addr()), Token: s.APIToken.Reveal(), PID: os.Getpid()}
	// What many processes share is opened by each operator's command itself.
	if !s.Shared.Given() {
		if err := here.write(s.Data); err != nil {
			return errors.Join(err, l.Close())
		}
		defer func() { err = errors.Join(err, os.Remove(filepath.Join(s.Data, serverFile))) }()
	}
	if err := learn(ctx, a); err != nil {
		a.Log.WarnContext(ctx, "not ready: the domains of a tenant are not known; trying again", "error", err)
	}
	if warning := s.signIn().Warning(); warning != "" {
		a.Log.WarnContext(ctx, warning)
	}
	if err := p.welcome(s, here); err != nil {
		return errors.Join(err, l.Close())
	}
	a.Log.InfoContext(ctx, "serving", "url", here.URL, "data", s.Data, "version", version().Version)
	err = serve(ctx, l)
	a.Log.InfoContext(context.WithoutCancel(ctx), "stopped")
	return err
}

// longestStop is how long a process may take to stop: what is in progress has host.Grace,
// and what was not settled by then comes again when its lock is over.
const longestStop = host.Grace + 10*time.Second

// bounded waits for work to end, after ctx has ended no longer than longestStop.
func bounded(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(longestStop):
		return failed(exitFailed, "nothing is lost: what was in hand comes again", "some work did not end within %s of being told to stop", longestStop)
	}
}

// allOf adds to settings that are wrong those that are missing, so that one start tells everything.
func (p *program) allOf(err error, o serving) error {
	if _, wrong := errors.AsType[config.Problems](err); !wrong || o.tenant == tenantEmbedded {
		return err
	}
	c, _ := p.load(o.functions...) // what is wrong in it is err
	s := &settings{Config: c, env: p.env}
	if o.tenant == "" && len(c.Tenants) == 0 {
		return err
	}
	more, ok := errors.AsType[*failure](s.complete(o))
	if !ok {
		return err
	}
	return &failure{exitConfig, errors.Join(err, more.err), more.remedy}
}

// complete refuses settings that serving needs and that are missing, all at once.
func (s *settings) complete(o serving) error {
	if s.embedded != nil {
		return nil
	}
	needs := []config.Need{config.NeedTenants}
	if slices.Contains(o.all(), app.Intake) {
		needs = append(needs, config.NeedWebhook)
	}
	if slices.Contains(o.all(), app.Console) {
		needs = append(needs, config.NeedAPIToken)
	}
	if slices.Contains(o.all(), events.Create) {
		needs = append(needs, config.NeedVault)
	}
	_, missing := identity.New(identity.Options{Env: s.env, AuthorityHost: s.Endpoints.Login})
	if err := errors.Join(s.Check(needs...), missing); err != nil {
		return &failure{exitConfig, err, "usher.example.yaml documents every setting; 'usher serve --tenant embedded' needs none"}
	}
	return nil
}

// outlives refuses settings that keep things on a disk which goes with its instance.
func (s *settings) outlives() error {
	var found config.Problems
	if !s.Shared.Given() {
		found = append(found, config.Problem{Where: "USHER_DATABASE_URL and USHER_SERVICEBUS_NAMESPACE", What: "are missing; a file would go with the instance, and tickets with it"})
	}
	if s.Vault == "" {
		found = append(found, config.Problem{Where: "USHER_VAULT", What: "is missing; a directory would go with the instance, and the sealed passwords with it"})
	}
	if found == nil {
		return nil
	}
	return &failure{exitConfig, found, azurefunctions.PortVariable + " is set, so this is Azure Functions; docs/deploy-azure.md names every setting"}
}

// learnTimeout is how long the start waits for the tenants to tell their domains.
const learnTimeout = 15 * time.Second

func learn(ctx context.Context, a *app.App) error {
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	return a.LearnDomains(ctx)
}

// welcome says on a terminal where everything is and what to try next.
func (p *program) welcome(s *settings, here server) error {
	if s.embedded == nil {
		return nil
	}
	flags := ""
	if s.Data != config.DefaultData {
		flags = fmt.Sprintf(" --data %q", s.Data)
	}
	return p.printf(`Usher serves the tenant that comes along: Contoso, an emulator. Nothing real is touched.

  webhook and API  %s
  tenant           %s
  domain           Active Directory and Entra Connect: stand-ins in this process
  data             %s

Try in another terminal:

  usher request%s -f onboard-sam360.json --wait
  usher list%s --accounts
  usher request%s -f offboard-sam360.json --wait

`, here.URL, s.embedded.URL, s.Data, flags, flags, flags)
}
