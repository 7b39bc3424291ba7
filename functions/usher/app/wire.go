package app

import (
	"context"
	"fmt"
	"net/http"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/host"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/host/consents"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/host/references"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/webhook"
)

func (a *App) wireDesk(context.Context) error {
	profiles, form, err := parts.Forms(a.Config.Profiles)
	if err != nil {
		return err
	}
	a.Profiles = profiles
	if a.Policy, err = parts.Policy(a.Config); err != nil {
		return err
	}
	if a.office, err = handovers.New(handovers.Options{Config: a.Config, Ledger: a.Ledger, Now: a.Now, Log: a.Log, Profiles: profiles.List(), Ticket: a.options.Tell != nil}); err != nil {
		return err
	}
	a.consents = consents.New(consents.Options{Config: a.Config, Ledger: a.Ledger, Tenant: a.Tenants.Find, Now: a.Now, Log: a.Log})
	a.Desk, err = intake.New(intake.Options{
		Ledger: a.Ledger, Deliverable: a.office.Check, ByLink: a.Config.PublicAddress != "", Tenants: a.Tenants.All, Profiles: profiles, Policy: a.Policy, Trusted: a.Config.Webhooks.Approving,
		Schema: form, Now: a.Now, NewID: a.NewID,
	})
	return err
}

// wireFunctions registers every handler, and one worker for each queue that is served.
func (a *App) wireFunctions(context.Context) error {
	passwords := func(avoid ...string) (account.Secret, error) { return secrets.NewPassword(nil, avoid...) }
	step.Handle(a.Runner, events.CheckFitness, checkfitness.Policy, checkfitness.New(a.Directory, a.Directory).Handle)
	step.Handle(a.Runner, events.Create, create.Policy, create.New(a.Directory, a.Vault, passwords, a.OnPremises).
		WithReferences(brought{references.New(references.Options{Env: a.options.Env})}).Handle)
	step.Handle(a.Runner, events.AssignRole, assignrole.Policy, assignrole.New(assignrole.Options{
		Directory: a.Directory, Schedules: a.Directory, Limits: a.Policy.Limits,
	}).Handle)
	step.Handle(a.Runner, events.GrantRoleGroup, grantrolegroup.Policy(a.room.History.Next), grantrolegroup.New(a.Directory, a.Exchange, a.room).Handle)
	step.Handle(a.Runner, events.GrantConsent, grantconsent.Policy, grantconsent.New(a.Applications, a.Applications, a.Applications).
		WithSetting(grantconsent.NewSetting(a.Applications, a.Applications)).WithLinks(a.consents, clients.Proof{Directory: a.Applications}).
		WithPolicy(a.Policy.Decide).Handle)
	step.Handle(a.Runner, events.AssignTargets, assigntargets.Policy, assigntargets.New(assigntargets.Options{
		Applications: a.Applications, Assignments: a.Applications, Directory: a.Applications, Delegations: a.Applications,
	}).Handle)
	granted := revoke.NewConsents(a.Applications, a.Applications, a.Applications)
	step.Handle(a.Runner, events.Revoke, revoke.Policy, revoke.New(revoke.Options{
		Users: a.Directory, Deleted: a.Directory, Roles: a.Directory, RoleGroups: a.Exchange, OnPremises: a.OnPremises, Limits: a.Policy.Limits,
	}).Pass(granted.Handle, revoke.ConsentParts...).Pass(revoke.NewTargets(a.Applications).Handle, events.RevokeTargets).
		Pass(revoke.NewExclusions(a.Directory).Handle, events.RevokeExclusion).
		Pass(revoke.NewFederation(a.Directory).Handle, events.RevokeFederation).
		Pass(revoke.NewConsentSetting(a.Applications).Handle, events.RevokeConsentPolicy).Handle)
	sync := fullsync.New(a.Directory, a.Exchange, a.Ledger, a.SyncRuns(), a.Desk, a.Now)
	sync.Domains, sync.Consents = a.Directory, a.Applications
	sync.Operators = a.Config.Mail.Operators
	sync.Conditional = &fullsync.Conditional{Policies: a.Directory, Products: a.Desk, Books: a.Ledger}
	sync.Passwords = &fullsync.Passwords{Desk: a.Desk, Vault: a.Vault, Links: a.office}
	sync.Health = a.Prober
	step.Handle(a.Runner, events.FullSync, fullsync.Policy, sync.Handle)
	step.Handle(a.Runner, events.HandOver, handover.Policy, handover.New(handover.Options{
		Directory: a.Directory, OnPremises: a.OnPremises, Vault: a.Vault, Links: a.office, Seal: handovers.Seal, Passwords: passwords,
	}).Handle)
	for _, function := range events.Functions() {
		if !a.Serves(function) {
			continue
		}
		w := host.Worker{Function: function, Handle: a.Runner.Deliver, Workers: a.options.Workers}
		if function == events.Notify {
			var err error
			if w.Handle, err = a.notices(); err != nil {
				return err
			}
		}
		a.workers = append(a.workers, w)
	}
	return nil
}

// wireHTTP makes the webhook and the API one handler. Without webhook secrets there is no webhook.
func (a *App) wireHTTP(context.Context) error {
	var err error
	if a.bearers, err = policies.Bearers(a.Config, a.Policy); err != nil {
		return err
	}
	api := console.New(console.Options{
		Requests: a.Ledger, Accounts: a.Ledger, Audit: a.Ledger, Notices: a.Ledger, DeadLetters: a.Queue, Desk: a.Desk, Passwords: a.Desk, Connections: a.Desk, Consents: a.consents, Cases: a.Desk, Lives: a.Desk,
		Profiles: a.Profiles.List(), Tenants: a.Tenants.All, Token: a.Config.APIToken, Bearers: a.bearers, Now: a.Now,
		Ready: a.Ready, Metrics: a.Metrics.Handler(), Fitness: outlook{a}, Doctor: a.Doctor, PlanConsentPolicy: grantconsent.NewSetting(a.Applications, a.Applications).Plan, Probe: a.probe,
	})
	var door http.Handler
	if len(a.Config.Webhooks.Sources) > 0 {
		verifier, err := webhook.NewVerifier(a.Config.Webhooks.Sources, a.Config.Webhooks.Tolerance, a.Now)
		if err != nil {
			return fmt.Errorf("use the webhook secrets: %w", err)
		}
		count := a.Metrics.Webhook
		posted, err := intake.NewWebhook(intake.WebhookOptions{
			Desk: countedDesk{intake.Patient{Acceptor: a.Desk, Tenants: a.Tenants.All}, count}, Verifier: countedVerifier{verifier, count}, Log: a.Log,
		})
		if err != nil {
			return err
		}
		door = countedDoor(posted, count)
	}
	path, page, err := a.office.Page(handovers.PageOptions{Vault: a.Vault, Notices: a.Ledger, Desk: a.Desk})
	if err != nil {
		return err
	}
	a.handler = a.front(api, door, path, page)
	return nil
}
