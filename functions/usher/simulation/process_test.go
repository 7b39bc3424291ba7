package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/patience"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/schema"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenantfake"
	"github.com/usher365/usher/shared/webhook"
)

// process is one life of usher, from start to death.
type process struct {
	*world
	ctx    context.Context
	cancel context.CancelFunc
	dead   atomic.Bool
	queue  messages
	ledger *tables.Ledger
	desk   *intake.Desk
	door   *intake.Webhook
	runner *step.Runner
	wg     sync.WaitGroup
}

// boot starts a process on the world's disk.
func (w *world) boot() *process {
	p := &process{world: w}
	p.ctx, p.cancel = context.WithCancel(w.ctx)
	p.queue, p.ledger = w.engines.open(p)
	p.openDesk()
	p.wire()
	w.mu.Lock()
	w.process = p
	w.mu.Unlock()
	return p
}

// die ends the process at this instant: nothing it does from now on reaches the disk.
func (p *process) die() {
	if p.dead.CompareAndSwap(false, true) {
		p.cancel()
		p.engines.sever()
	}
}

// bury waits until every goroutine of a dead process is gone.
func (p *process) bury() {
	p.die()
	p.wg.Wait()
	require.NoError(p, p.queue.Close())
}

func tenants() []account.Tenant {
	return []account.Tenant{{
		Alias: "contoso", ID: tenantfake.DefaultTenantID, Domains: []string{domain, "contoso.com"},
		Protected:       []string{"breakglass1@" + domain, "breakglass2@" + domain},
		ActiveDirectory: account.ActiveDirectory{BaseDN: "DC=corp,DC=contoso,DC=com", OU: "OU=Service Accounts"},
	}}
}

// approvers agree to what people ask for; Jane, who asks, is one of them.
var approvers = []policy.Person{
	{ID: "jane@contoso.com", Name: "Jane Doe"}, {ID: "boss@contoso.com", Name: "Bea Boss"}, {ID: "security@contoso.com", Name: "Sven Security"},
}

func (p *process) newID() string { return p.random.id("id") }

// jitter is the same at the same time.
func (p *process) jitter() float64 { return p.random.float("jitter", time.Now().UnixNano()) }

func (p *process) openDesk() {
	catalogue, err := profile.Load(profile.Builtin(), nil)
	require.NoError(p, err)
	form, err := schema.Compile("request", []byte(schemas.Request))
	require.NoError(p, err)
	rules, err := policy.Builtin().WithApprovers(approvers)
	require.NoError(p, err)
	p.desk, err = intake.New(intake.Options{
		Ledger: flaky{p}, Tenants: tenants, Profiles: catalogue, Policy: rules, Schema: form, Now: time.Now, NewID: p.newID,
	})
	require.NoError(p, err)
	verifier, err := webhook.NewVerifier(map[string][]webhook.Secret{"ticketing": {p.secret}}, 0, time.Now)
	require.NoError(p, err)
	p.door, err = intake.NewWebhook(intake.WebhookOptions{Desk: p.desk, Verifier: verifier})
	require.NoError(p, err)
}

func (p *process) wire() {
	transport := &http.Client{Transport: p.server.Transport()}
	credentials := p.credentials(transport, tenantfake.DefaultClientID)
	directory, err := entra.New(entra.Options{Credential: credentials, Endpoint: host, Scope: "https://graph.microsoft.com/.default", Transport: transport})
	require.NoError(p, err)
	applications, err := entra.New(entra.Options{
		Credential: p.credentials(transport, tenantfake.DefaultConsentsClientID), Endpoint: host, Scope: "https://graph.microsoft.com/.default", Transport: transport,
	})
	require.NoError(p, err)
	groups, err := exchange.New(exchange.Options{Credential: credentials, Endpoint: host, Scope: "https://outlook.office365.com/.default", Transport: transport})
	require.NoError(p, err)
	history := &patience.History{}
	books := flaky{p}
	p.runner = step.New(step.Options{
		Ledger: books, Now: time.Now, Random: p.jitter, NewToken: p.newID, Compensation: profile.Compensation,
		Tenant:  func(id account.TenantID) (account.Tenant, bool) { t := tenants()[0]; return t, t.ID == id },
		Observe: p.observe,
	})
	step.Handle(p.runner, events.CheckFitness, checkfitness.Policy, checkfitness.New(directory, directory).Handle)
	step.Handle(p.runner, events.Create, create.Policy, create.New(directory, p.vault, p.passwords, p.domain).Handle)
	step.Handle(p.runner, events.AssignRole, assignrole.Policy, assignrole.New(assignrole.Options{
		Directory: directory, Schedules: directory, Limits: policy.Builtin().Limits,
	}).Handle)
	step.Handle(p.runner, events.GrantRoleGroup, grantrolegroup.Policy(history.Next),
		grantrolegroup.New(directory, groups, patience.NewRoom(groups, history, time.Now)).Handle)
	step.Handle(p.runner, events.Revoke, revoke.Policy, revoke.New(revoke.Options{
		Users: directory, Deleted: directory, Roles: directory, RoleGroups: groups, OnPremises: p.domain, Limits: policy.Builtin().Limits,
	}).Pass(revoke.NewConsents(applications, applications, applications).Handle, revoke.ConsentParts...).
		Pass(revoke.NewTargets(applications).Handle, events.RevokeTargets).
		Pass(revoke.NewExclusions(directory).Handle, events.RevokeExclusion).
		Pass(revoke.NewFederation(directory).Handle, events.RevokeFederation).
		Pass(revoke.NewConsentSetting(applications).Handle, events.RevokeConsentPolicy).Handle)
	step.Handle(p.runner, events.AssignTargets, assigntargets.Policy, assigntargets.New(assigntargets.Options{
		Applications: applications, Assignments: applications, Directory: applications, Delegations: applications,
	}).Handle)
	step.Handle(p.runner, events.GrantConsent, grantconsent.Policy, grantconsent.New(applications, applications, applications).
		WithSetting(grantconsent.NewSetting(applications, applications)).Handle)
	step.Handle(p.runner, events.FullSync, fullsync.Policy, fullsync.New(directory, groups, books, books, p.desk, time.Now).Handle)
	office, err := handovers.New(handovers.Options{Ledger: p.ledger, Now: time.Now, Log: slog.New(slog.DiscardHandler), Ticket: true})
	if err != nil {
		panic(err) // without tenants and page there is nothing to refuse
	}
	step.Handle(p.runner, events.HandOver, handover.Policy, handover.New(handover.Options{
		Directory: directory, OnPremises: p.domain, Vault: p.vault, Links: office, Seal: handovers.Seal, Passwords: p.passwords,
	}).Handle)
	notices := p.runner.HandleNotices(notify.Policy, notify.New(p, nil, office, nil).Handle, nil)
	for _, function := range events.Functions() {
		handle := p.runner.Deliver
		if function == events.Notify {
			handle = notices
		}
		p.consume(function, handle)
	}
}

func (p *process) consume(function string, handle queue.Handler) {
	p.wg.Go(func() {
		_ = p.queue.Run(p.ctx, function, queue.Options{Workers: 2}, func(ctx context.Context, d queue.Delivery) queue.Outcome {
			outcome := handle(ctx, d)
			if p.dead.Load() {
				return queue.Abandoned() // it died between the commit and the settling
			}
			return outcome
		})
	})
}

func (p *process) observe(_ context.Context, l step.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logged = append(p.logged, fmt.Sprintf("%s %+v", time.Now().Format("01-02T15:04:05"), l))
}

// post sends a signed document to the webhook, as a ticketing system does: again and
// again under the same id until it is taken.
func (w *world) post(id string, body []byte) (answer string) {
	for range 2000 {
		request := httptest.NewRequestWithContext(w.ctx, http.MethodPost, intake.Path, bytes.NewReader(body))
		request.Header = webhook.Sign(w.secret, id, time.Now(), body)
		recorder := httptest.NewRecorder()
		if p := w.current(); !p.dead.Load() {
			p.door.ServeHTTP(recorder, request)
			if !p.dead.Load() && recorder.Code == http.StatusOK {
				return recorder.Body.String()
			}
		}
		time.Sleep(30 * time.Second)
	}
	w.Fatalf("webhook %s was never taken", id)
	return ""
}

var errDisk = errors.New("the disk is full")

// flaky is the ledger of a process that can die, on a disk that can fail: before a
// change, or after it, so that the change is made and nobody knows.
type flaky struct{ p *process }

func (f flaky) chaos(change ...any) error {
	if f.p.dead.Load() || (!f.p.calm && f.p.random.chance(f.p.ledgerOdds, change...)) {
		return errDisk
	}
	return nil
}

func (f flaky) change(name string, do func() error) error {
	if err := f.chaos(name); err != nil {
		return err
	}
	return errors.Join(do(), f.chaos(name))
}

func (f flaky) Accept(ctx context.Context, keys ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (v ledger.Verdict, err error) {
	if err := f.chaos("accept", keys.Business); err != nil {
		return v, err
	}
	if v, err = f.p.ledger.Accept(ctx, keys, decide); err != nil {
		return v, err
	}
	return v, f.chaos("accept", keys.Business)
}

func (f flaky) Update(ctx context.Context, id string, change func(*ledger.Record) error) error {
	if err := f.chaos("update", id); err != nil {
		return err
	}
	if err := f.p.ledger.Update(ctx, id, change); err != nil {
		return err
	}
	return f.chaos("update", id)
}

func (f flaky) UpdateNotice(ctx context.Context, key string, change func(*ledger.Notice) error) error {
	return f.change("update a notice", func() error { return f.p.ledger.UpdateNotice(ctx, key, change) })
}

func (f flaky) Request(ctx context.Context, id string) (account.Request, error) {
	return f.p.ledger.Request(ctx, id)
}

func (f flaky) Accounts(ctx context.Context, filter ledger.Filter) ([]account.Account, error) {
	return f.p.ledger.Accounts(ctx, filter)
}

func (f flaky) Requests(ctx context.Context, filter ledger.Filter) ([]account.Request, error) {
	return f.p.ledger.Requests(ctx, filter)
}

func (f flaky) Append(ctx context.Context, entries ...ledger.Entry) error {
	return f.change("append", func() error { return f.p.ledger.Append(ctx, entries...) })
}

func (f flaky) SaveRun(ctx context.Context, run ledger.SyncRun) error {
	return f.change("run", func() error { return f.p.ledger.SaveRun(ctx, run) })
}

// silence keeps the queue's and the webhook's own logs out of the way.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

func (f flaky) BeginInventory(ctx context.Context, t account.TenantID, run string) (inv ledger.Inventory, err error) {
	return f.p.ledger.BeginInventory(ctx, t, run)
}

func (f flaky) AddToInventory(ctx context.Context, inv ledger.Inventory, users []account.User) error {
	return f.change("inventory", func() error { return f.p.ledger.AddToInventory(ctx, inv, users) })
}

func (f flaky) FinishInventory(ctx context.Context, inv ledger.Inventory) (count, licensed int, err error) {
	err = f.change("inventory finished", func() (err error) {
		count, licensed, err = f.p.ledger.FinishInventory(ctx, inv)
		return err
	})
	return count, licensed, err
}
