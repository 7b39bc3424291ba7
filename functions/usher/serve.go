package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/identity"
)

func (p *program) serveCommand() *cobra.Command {
	var listen, kind string
	var replication time.Duration
	c := p.command("serve", "Run every function in one process", "usher serve --listen 127.0.0.1:8080", exactly(), func(ctx context.Context, _ []string) error {
		return p.serve(ctx, kind, listen, replication)
	})
	c.Flags().StringVar(&listen, "listen", "", "address of webhook and API, HOST:PORT (default USHER_LISTEN, or 127.0.0.1:8080)")
	c.Flags().StringVar(&kind, "tenant", "", "embedded: the tenant that comes along; real: the configured ones (default: real when any is configured)")
	c.Flags().DurationVar(&replication, "replication", quickReplication, "how long Exchange takes to hear of a change, in the embedded tenant")
	return c
}

func (p *program) serve(ctx context.Context, kind, listen string, replication time.Duration) (err error) {
	s, err := p.settings(kind, embedded.Options{Replication: replication})
	if err != nil {
		return p.allOf(err, kind)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if listen != "" {
		s.Listen = listen
	}
	if err := s.complete(); err != nil {
		return err
	}
	log := p.logStderr()
	a, err := s.open(ctx, app.Options{Engines: host.Options{Log: log}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	l, err := host.Listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	here := server{URL: reachable(l.Addr()), Token: s.APIToken.Reveal(), PID: os.Getpid()}
	if err := here.write(s.Data); err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, os.Remove(filepath.Join(s.Data, serverFile))) }()
	if err := learn(ctx, a); err != nil {
		log.WarnContext(ctx, "not ready: the domains of a tenant are not known; trying again", "error", err)
	}
	if err := p.welcome(s, here); err != nil {
		return errors.Join(err, l.Close())
	}
	log.InfoContext(ctx, "serving", "url", here.URL, "data", s.Data, "version", version().Version)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return host.Serve(ctx, l, a.Handler()) })
	group.Go(func() error { return a.Work(ctx) })
	group.Go(func() error { return a.Nightly(ctx, a.Desk) })
	err = group.Wait()
	log.InfoContext(context.WithoutCancel(ctx), "stopped")
	return err
}

// allOf adds to settings that are wrong those that are missing, so that one start tells everything.
func (p *program) allOf(err error, kind string) error {
	if _, wrong := errors.AsType[config.Problems](err); !wrong || kind == tenantEmbedded {
		return err
	}
	c, _ := p.load() // what is wrong in it is err
	s := &settings{Config: c, env: p.env}
	if kind == "" && len(c.Tenants) == 0 {
		return err
	}
	more, ok := errors.AsType[*failure](s.complete())
	if !ok {
		return err
	}
	return &failure{exitConfig, errors.Join(err, more.err), more.remedy}
}

// complete refuses settings that serving needs and that are missing, all at once.
func (s *settings) complete() error {
	if s.embedded != nil {
		return nil
	}
	_, missing := identity.New(identity.Options{Env: s.env, AuthorityHost: s.Endpoints.Login})
	if err := errors.Join(s.CheckServe(), missing); err != nil {
		return &failure{exitConfig, err, "usher.example.yaml documents every setting; 'usher serve --tenant embedded' needs none"}
	}
	return nil
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
	if p.dataDir != "" {
		flags = fmt.Sprintf(" --data %q", p.dataDir)
	}
	return p.printf(`Usher serves the tenant that comes along: Contoso, an emulator. Nothing real is touched.

  webhook and API  %s
  tenant           %s
  data             %s

Try in another terminal:

  usher request%s -f onboard-sam360.json --wait
  usher list%s --accounts
  usher request%s -f offboard-sam360.json --wait

`, here.URL, s.embedded.URL, s.Data, flags, flags, flags)
}
