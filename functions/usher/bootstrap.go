package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"

	"github.com/usher365/usher/functions/usher/bootstrap"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host/clients"
	"github.com/usher365/usher/shared/identity"
)

const aboutBootstrap = `Prepare the home tenant: two app registrations, the provisioner and the read-only sync, each with its
federated credentials, the permissions it needs and why, and its directory role; what is no longer
needed is removed. --with NAME,… adds what a feature needs; those that give permissions to applications
(consents, consent-policy, targets) have an application of their own. The messenger has no right in any
directory and only opens the queues; it is made when --messenger-subject or --messenger-managed-identity
is given. Without --apply it only shows the plan. A second --apply changes nothing.

You sign in as yourself, by the Azure CLI (az login --allow-no-subscriptions --tenant HOME). A person
needs the directory roles Application Administrator and Privileged Role Administrator, or Global
Administrator.`

// strapping are the flags of 'usher bootstrap'.
type strapping struct {
	bootstrap.Options
	home, credential, issuer, audience string
	// subjects and identities are given for the provisioner, the sync, the messenger and consents, in this order.
	subjects, identities [4][]string
	with                 []string
	apply, check         bool
}

func (p *program) bootstrapCommand() *cobra.Command {
	var b strapping
	c := p.command("bootstrap", "Prepare the home tenant: app registrations, permissions, federated credentials",
		"usher bootstrap --issuer https://ID.tokens.sts.global.api.aws --provisioner-subject arn:aws:iam::123456789012:role/usher-create --sync-subject arn:aws:iam::123456789012:role/usher-fullsync",
		exactly(), func(ctx context.Context, _ []string) error { return p.bootstrap(ctx, b) })
	c.Long = aboutBootstrap
	f := c.Flags()
	f.BoolVar(&b.apply, "apply", false, "carry the plan out")
	f.BoolVar(&b.check, "check", false, "fail when there is anything to do")
	f.StringVar(&b.home, "home", "", "id of the home tenant, where the applications are registered (default AZURE_TENANT_ID)")
	f.StringVar(&b.credential, "credential", bootstrap.ByCLI, "how you sign in: cli (az login), token (in "+bootstrap.TokenVariable+"), or environment (an application, AZURE_*)")
	f.StringVar(&b.Name, "name", bootstrap.DefaultName, "what the applications' names begin with, where several installations share a home tenant")
	f.StringVar(&b.issuer, "issuer", "", "issuer of the tokens of the subjects: on AWS the account's own URL")
	f.StringVar(&b.audience, "audience", bootstrap.DefaultAudience, "audience of their tokens")
	for i, app := range []string{"provisioner", "sync", "messenger", "consents"} {
		f.StringArrayVar(&b.subjects[i], app+"-subject", nil, "subject that signs in as the "+app+": on AWS the ARN of a function's role; may be repeated")
		f.StringArrayVar(&b.identities[i], app+"-managed-identity", nil, "object id of an Azure managed identity of the home tenant that signs in as the "+app+"; may be repeated")
	}
	f.StringSliceVar(&b.with, "with", nil, "features that need more rights: "+strings.Trim(fmt.Sprint(bootstrap.Features()), "[]"))
	f.StringVar(&b.Landing, "redirect-uri", bootstrap.DefaultLanding, "where an administrator's browser ends after a consent")
	f.BoolVar(&b.NoHomeRights, "no-home-rights", false, "grant nothing in the home tenant, because it is not served itself")
	c.MarkFlagsMutuallyExclusive("apply", "check")
	return p.listing(c)
}

func (p *program) bootstrap(ctx context.Context, b strapping) error {
	c, err := p.load(preparing)
	if err != nil {
		return err
	}
	if b.home == "" {
		b.home, _ = p.env("AZURE_TENANT_ID")
	}
	if b.home == "" {
		return failed(exitConfig, "give it with --home or AZURE_TENANT_ID; it is in the Entra admin centre, Overview, Tenant ID", "the home tenant is not known")
	}
	apps, err := b.wanted(c.Endpoints.Login)
	if err != nil {
		return failed(exitUsage, "'usher bootstrap --help' tells each flag", "%w", err)
	}
	s, err := p.strap(b, c.Endpoints)
	if err != nil {
		return err
	}
	report := preparation{Home: b.home, Applied: b.apply, Apps: []preparedApp{}}
	err = report.prepare(ctx, s, apps, b.apply)
	report.Customers = bootstrap.Customers(c.Tenants, s.Tenant, c.Endpoints.Login, report.outcomes)
	shown := p.list(report, func() error { return p.showPreparation(report) })
	return errors.Join(refusal(err), shown, b.verdict(report))
}

// wanted gives the applications that the flags ask for.
func (b strapping) wanted(login string) (apps []bootstrap.App, err error) {
	if b.Features, err = bootstrap.FeaturesNamed(b.with); err != nil {
		return nil, err
	}
	b.Provisioner, b.Sync, b.Messenger, b.Consents = b.trusts(0, login), b.trusts(1, login), b.trusts(2, login), b.trusts(3, login)
	return bootstrap.Apps(b.Options)
}

// trusts are the subjects of one application. The tokens of a managed identity come
// from the home tenant itself (source: Microsoft Entra, "Configure an application to
// trust a managed identity").
func (b strapping) trusts(app int, login string) (all []bootstrap.Trust) {
	for _, subject := range b.subjects[app] {
		all = append(all, bootstrap.Trust{Issuer: b.issuer, Subject: subject, Audience: b.audience})
	}
	for _, id := range b.identities[app] {
		all = append(all, bootstrap.Trust{Issuer: login + "/" + b.home + "/v2.0", Subject: id, Audience: b.audience})
	}
	return all
}

// strap signs the operator in; nothing is sent yet.
func (p *program) strap(b strapping, e config.Endpoints) (bootstrap.Session, error) {
	home := account.TenantID(strings.ToLower(b.home))
	operator, err := p.operator(b.credential, home, e.Login)
	if err != nil {
		return bootstrap.Session{}, err
	}
	directory, err := clients.Directory(clients.Options{
		Credential: func(account.TenantID) (azcore.TokenCredential, error) { return operator, nil }, Endpoints: e, Now: p.now,
	})
	return bootstrap.Session{Directory: directory, Tenant: home, Sleep: sleep}, err
}

func (p *program) operator(kind string, home account.TenantID, login string) (c azcore.TokenCredential, err error) {
	switch kind {
	case bootstrap.ByCLI:
		c, err = bootstrap.AzureCLI(home)
	case bootstrap.ByEnvironment:
		c, err = identity.Credentials(identity.Options{Env: p.env, AuthorityHost: login})(home)
	case bootstrap.ByToken:
		value, _ := p.env(bootstrap.TokenVariable)
		c, err = bootstrap.Token(account.NewSecret(value))
	default:
		return nil, failed(exitUsage, "", "--credential is %s, %s or %s, not %q", bootstrap.ByCLI, bootstrap.ByToken, bootstrap.ByEnvironment, kind)
	}
	if err != nil {
		return nil, failed(exitConfig, "see --credential in 'usher bootstrap --help'", "%w", err)
	}
	return c, nil
}

// sleep waits, or ends with the context.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refusal gives an error of the work its exit code, and the remedy for the operator,
// who is somebody else than Usher's own identity.
func refusal(err error) error {
	if denied, ok := errors.AsType[*bootstrap.Denied](err); ok {
		return failed(exitRefused, "sign in as somebody with that role, or let a Global Administrator run it; what was done so far stays and is not done again", "%w", denied)
	}
	if refused, ok := errors.AsType[*bootstrap.Refused](err); ok {
		return failed(exitRefused, "", "%w", refused)
	}
	if err != nil && fault.ClassOf(err) == fault.Waiting {
		return failed(exitWaiting, "run it again in some minutes: what was done stays and is not done again", "%w", err)
	}
	if fault.Is(err, fault.CredentialInvalid) {
		return failed(exitConfig, "see --credential in 'usher bootstrap --help'", "%w", err)
	}
	return err
}

// verdict fails a --check where there is anything to do.
func (b strapping) verdict(r preparation) error {
	if !b.check || r.pending() == 0 {
		return nil
	}
	return failed(exitFailed, "run it again with --apply", "the home tenant is not as it should be: %d writes to make", r.pending())
}
