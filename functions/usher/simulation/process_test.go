package simulation

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/host/handovers"
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
	office *handovers.Office
	page   http.Handler
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
	p.office, err = handovers.New(handovers.Options{
		Config: config.Config{HandOver: config.HandOver{Address: "https://usher.test/handover"}}, Ledger: flaky{p}, Now: time.Now, Log: p.journal(), Ticket: true,
	})
	require.NoError(p, err)
	p.desk, err = intake.New(intake.Options{
		Deliverable: p.office.Check, Ledger: flaky{p}, Tenants: tenants, Profiles: catalogue, Policy: rules, Schema: form, Now: time.Now, NewID: p.newID,
	})
	require.NoError(p, err)
	_, p.page, err = p.office.Page(handovers.PageOptions{Vault: p.vault, Notices: flaky{p}, Desk: p.desk})
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
	sync := fullsync.New(directory, groups, books, books, p.desk, time.Now)
	sync.Domains, sync.Consents = directory, applications
	sync.Conditional = &fullsync.Conditional{Policies: directory, Products: p.desk, Books: books}
	sync.Passwords = &fullsync.Passwords{Desk: p.desk, Vault: p.vault, Links: p.office}
	step.Handle(p.runner, events.FullSync, fullsync.Policy, sync.Handle)
	step.Handle(p.runner, events.HandOver, handover.Policy, handover.New(handover.Options{
		Directory: directory, OnPremises: p.domain, Vault: p.vault, Links: p.office, Seal: handovers.Seal, Passwords: p.passwords,
	}).Handle)
	notices := p.runner.HandleNotices(notify.Policy, notify.New(p, nil, p.office, nil).Handle, nil)
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

// journal is the log of what writes one.
func (w *world) journal() *slog.Logger { return slog.New(slog.NewTextHandler(lines{w}, nil)) }

// lines are kept with what was observed.
type lines struct{ *world }

func (l lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logged = append(l.logged, strings.TrimSpace(string(b)))
	return len(b), nil
}

// silence keeps the queue's and the webhook's own logs out of the way.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }
