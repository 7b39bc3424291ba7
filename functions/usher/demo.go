package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/usher/app"
	"github.com/usher365/usher/functions/usher/embedded"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/profile"
)

func (p *program) demoCommand() *cobra.Command {
	var replication time.Duration
	var name, mode string
	var on demoEngines
	c := p.command("demo", "Watch a ticket become a service account, and go again", "usher demo", exactly(), func(ctx context.Context, _ []string) error {
		if err := notNegative(replication); err != nil {
			return err
		}
		plays, err := scriptFor(name, profile.Mode(mode))
		if err != nil {
			return err
		}
		return p.demo(ctx, plays, replication, on)
	})
	c.Flags().StringVar(&name, "profile", "sam360", "whose guide is played; 'usher profiles' lists them")
	c.Flags().StringVar(&mode, "mode", "", "which account.mode of the guide is played: create, existing, synced or application (default create, where it has that)")
	c.Flags().DurationVar(&replication, "replication", quickReplication, "how long Exchange takes to hear of the new account, and how often Entra Connect takes over")
	c.Flags().StringVar(&on.queue, "queue", engineSQLite, "sqlite, or servicebus-fake: Azure Service Bus as the real client sees it, inside this process")
	c.Flags().StringVar(&on.ledger, "ledger", engineSQLite, "sqlite; postgres: a server that is started for the demo; or postgres://… for one of yours")
	return c
}

// demo is one run of the demonstration.
type demo struct {
	program     *program
	settings    *settings
	script      script
	engines     demoEngines
	replication time.Duration
	app         *app.App
	api         *client
	// before is what the tenant held when the demo began.
	before []string
	// onboarded and offboarded are the two requests as they were in the end.
	onboarded, offboarded console.Request
	run                   ledger.SyncRun
}

// spare is how much longer than its waits for the replication a demo may take: one for
// Exchange, or three for Entra Connect, each until the look after.
const spare = 3 * time.Minute

func (p *program) demo(ctx context.Context, plays script, replication time.Duration, on demoEngines) (err error) {
	if err := on.check(); err != nil {
		return err
	}
	dir, remove, err := p.demoDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	ctx, cancel := context.WithTimeoutCause(ctx, 5*replication+spare,
		failed(exitFailed, "the log "+filepath.Join(dir, logName)+" tells what happened", "the demo took far longer than it should"))
	defer cancel()
	// The demo looks at no setting of the user's: it must run anywhere, and touch nothing real.
	s := &settings{env: func(string) (string, bool) { return "", false }}
	if s.Config, err = config.Load("", s.env, nil); err != nil {
		return err
	}
	s.Data, s.Listen = dir, "127.0.0.1:0"
	if err := s.embed(embedded.Options{Dir: dir, Replication: exactReplication(replication)}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	d := &demo{program: p, settings: s, script: plays, engines: on, replication: replication, before: s.embedded.Holdings()}
	return d.play(ctx)
}

// exactReplication takes zero as none, where the emulator takes it as its default.
func exactReplication(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// demoDir gives the directory given with --data, which must be empty, or one that is
// removed in the end.
func (p *program) demoDir() (dir string, remove func() error, err error) {
	if p.dataDir == "" {
		dir, err = os.MkdirTemp("", "usher-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	found, err := os.ReadDir(p.dataDir)
	if err == nil && len(found) > 0 {
		return "", nil, failed(exitUsage, "give an empty or a new one, or none", "the demo needs a directory of its own, and %s is not empty", p.dataDir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", nil, err
	}
	return p.dataDir, func() error { return nil }, nil
}

// play starts everything, tells the story, and stops everything.
func (d *demo) play(ctx context.Context) (err error) {
	s := d.settings
	s.ApproverTokens = nil // the demo agrees for everybody
	log, closeLog, err := logFile(s.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	if d.app, err = s.open(ctx, app.Options{Engines: host.Options{Log: log}, Open: d.engines.open}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.Close()) }()
	if err := d.app.LearnDomains(ctx); err != nil {
		return err
	}
	l, err := host.Listen(ctx, s.Listen)
	if err != nil {
		return err
	}
	d.api = &client{reachable(l.Addr()), s.APIToken, &http.Client{Timeout: time.Minute}}
	work, stop := context.WithCancel(ctx)
	group, work := errgroup.WithContext(work)
	group.Go(func() error { return host.Serve(work, l, d.app.Handler()) })
	group.Go(func() error { return d.app.Work(work) })
	told := d.tell(work)
	stop()
	return errors.Join(told, group.Wait())
}

// tell is the story, scene by scene.
func (d *demo) tell(ctx context.Context) (err error) {
	if err := d.prologue(); err != nil {
		return err
	}
	if d.onboarded, err = d.scene(ctx, "1  A ticket asks for "+d.wanted(), d.script.onboard); err != nil {
		return err
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	if d.offboarded, err = d.scene(ctx, "2  The vendor's contract has ended", d.script.offboard); err != nil {
		return err
	}
	if err := d.night(ctx); err != nil {
		return err
	}
	return d.summary(ctx)
}

// scene posts a sample and shows what becomes of it.
func (d *demo) scene(ctx context.Context, title, sample string) (r console.Request, err error) {
	p := d.program
	body, changed, err := performance(sample)
	if err != nil {
		return r, err
	}
	if err := p.printf("%s\n   %s\n", p.look.Bold(title), p.look.Dim("POST "+intake.Path+"   events/samples/"+sample+", signed"+changed)); err != nil {
		return r, err
	}
	secret := d.settings.Webhooks.Sources[config.EnvironmentSource][0]
	taken, err := post(ctx, d.api, secret, "demo-"+sample, p.now(), body)
	if err != nil {
		return r, err
	}
	if taken.Status == string(intake.Refused) || taken.Duplicate {
		return r, failed(exitFailed, taken.NextAction, "the webhook answered %s: %s", taken.Status, taken.Reason)
	}
	if err := p.printf("   %s\n\n", p.look.Dim("200 "+taken.Status+" as request "+taken.RequestID)); err != nil {
		return r, err
	}
	return d.follow(ctx, taken.RequestID)
}

// follow shows a request to its end.
func (d *demo) follow(ctx context.Context, id string) (console.Request, error) {
	f := follower{program: d.program, api: d.api, usual: d.replication}
	for {
		r, err := f.show(ctx, id)
		if err != nil {
			return r, err
		}
		if r.State != account.Parked || r.Pending == nil || len(r.Pending.MayApprove) == 0 {
			return r, outcome(r)
		}
		if err := d.approve(ctx, r); err != nil {
			return r, err
		}
	}
}

// approve has one of those agree to a parked request who may.
func (d *demo) approve(ctx context.Context, r console.Request) error {
	p, who := d.program, r.Pending.MayApprove[0]
	if err := p.printf("   %s %s\n   %s\n\n", p.look.Bold("Parked:"), r.Parked+"; "+r.Pending.Why,
		p.look.Dim(fmt.Sprintf("%s agrees: usher approve %s --by %s", who.Name, r.ID, who.ID))); err != nil {
		return err
	}
	word := console.Approval{By: who.ID, Reason: "part of the demo", Digest: r.Pending.Digest}
	return d.api.post(ctx, "/api/requests/"+r.ID+"/approve", word, &console.Request{})
}

// ready tells what the requester has now.
func (d *demo) ready(ctx context.Context) error {
	var a console.Account
	if err := d.api.get(ctx, "/api/accounts/"+d.onboarded.AccountID, nil, &a); err != nil {
		return err
	}
	if a.State != account.AccountActive {
		return failed(exitFailed, "", "the account is %s after its request succeeded", a.State)
	}
	p := d.program
	if err := p.printf("\n   %s %s\n", p.look.Good("Ready:"), a.UserPrincipalName); err != nil {
		return err
	}
	if a.SecretRef == "" {
		return p.printf("   %s\n\n", p.look.Dim("There is no password: "+withoutPassword(a)))
	}
	return p.printf("   %s\n   %s\n\n", p.look.Dim("Its password lies sealed in the vault, and nowhere else:"), p.look.Dim(a.SecretRef))
}

// withoutPassword says why Usher keeps none.
func withoutPassword(a console.Account) string {
	if a.AppID != "" {
		return "an application signs in, with a credential of its vendor's."
	}
	return "the account was there before, or its password was handed over."
}

// night runs the sync once.
func (d *demo) night(ctx context.Context) error {
	p := d.program
	if err := p.printf("\n%s\n   %s\n\n", p.look.Bold("3  The nightly sync"), p.look.Dim("is everything as promised, and nothing else there?")); err != nil {
		return err
	}
	var started []console.Request
	if err := d.api.post(ctx, "/api/sync", console.SyncOrder{By: "demo"}, &started); err != nil {
		return err
	}
	f := follower{program: p, api: d.api, usual: d.replication}
	for _, r := range started {
		r, err := f.show(ctx, r.ID)
		if err == nil {
			err = outcome(r)
		}
		if err != nil {
			return err
		}
	}
	var runs []ledger.SyncRun
	if err := d.api.get(ctx, "/api/sync", nil, &runs); err != nil {
		return err
	}
	if len(runs) != 1 || len(runs[0].Findings) > 0 || runs[0].Error != "" {
		return failed(exitFailed, "", "the sync found what should not be: %s", fmt.Sprint(runs))
	}
	d.run = runs[0]
	return nil
}
