package bootstrap

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/entra"
)

// Mark is the tag on our applications; one that has our unique name without it is not ours.
const Mark = "usher-bootstrap"

// Whose tenants may know an application (source: Microsoft Graph, application,
// signInAudience).
const (
	// multiTenant lets other organisations consent.
	multiTenant = "AzureADMultipleOrgs"
	homeTenant  = "AzureADMyOrg"
)

// The defaults of Options.
const (
	DefaultName = "usher"
	// DefaultAudience is what Entra asks for in the public cloud (source: Microsoft
	// Graph, federatedIdentityCredential).
	DefaultAudience = "api://AzureADTokenExchange"
	// DefaultLanding is an empty page of Microsoft's, where the browser ends after a
	// consent. Nothing secret is sent there.
	DefaultLanding = "https://login.microsoftonline.com/common/oauth2/nativeclient"
)

// Trust says whose tokens sign in as an application.
type Trust struct{ Issuer, Subject, Audience string }

// Options say what is wanted beside the rights, which are not a matter of choice.
type Options struct {
	// Name begins the unique names, so that two installations can share a home
	// tenant: NAME-provisioner, NAME-sync, NAME-consents and NAME-messenger. Empty means
	// DefaultName.
	Name string
	// Provisioner and Sync are whose tokens sign in. An empty list leaves the
	// federated credentials of that application as they are.
	Provisioner, Sync []Trust
	// Features are what is wanted beyond accounts, roles and role groups.
	Features []Feature
	// Consents are whose tokens sign in as the application that grants consents, which is
	// wanted when a feature needs it.
	Consents []Trust
	// Messenger is the same for the messenger. An empty list means that none is
	// wanted; one that is there is then not looked at.
	Messenger []Trust
	// Landing is the redirect URI of those that customers consent to. Empty means DefaultLanding.
	Landing string
	// NoHomeRights grants nothing in the home tenant, for one that is not served itself.
	NoHomeRights bool
}

// App is one application as it is wanted.
type App struct {
	Rights
	UniqueName, DisplayName, Landing string
	Trusts                           []Trust
	// AtHome is true when the rights are granted in the home tenant too.
	AtHome bool
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// Apps gives the applications: provisioner, sync and, where they are wanted, consents and
// messenger. Its error names everything that is wrong.
func Apps(o Options) ([]App, error) {
	o.Name = cmp.Or(o.Name, DefaultName)
	o.Landing = cmp.Or(o.Landing, DefaultLanding)
	var problems []error
	if !nameForm.MatchString(o.Name) {
		problems = append(problems, fmt.Errorf("the name %q is not one of at most 40 lower-case letters, digits and -", o.Name))
	}
	if u, err := url.Parse(o.Landing); err != nil || u.Scheme != "https" || u.Host == "" {
		problems = append(problems, fmt.Errorf("the redirect URI %q is not an https address", o.Landing))
	}
	apps := []App{o.app(Provisioner(o.Features...), o.Provisioner), o.app(Sync(o.Features...), o.Sync)}
	switch consents := ForConsents(o.Features...); {
	case !consents.HomeOnly():
		apps = append(apps, o.app(consents, o.Consents))
	case len(o.Consents) > 0:
		problems = append(problems, fmt.Errorf("subjects are given for the application that grants consents, and no feature needs it: add %s, %s or %s", WithConsents, WithConsentPolicy, WithTargets))
	}
	if len(o.Messenger) > 0 {
		apps = append(apps, o.app(Messenger(), o.Messenger))
	}
	for _, a := range apps {
		problems = append(problems, a.check())
	}
	return apps, errors.Join(problems...)
}

func (o Options) app(r Rights, trusts []Trust) App {
	return App{
		Rights: r, UniqueName: o.Name + "-" + r.App, DisplayName: strings.ToUpper(o.Name[:min(1, len(o.Name))]) + o.Name[min(1, len(o.Name)):] + " " + r.App,
		Landing: o.Landing, Trusts: trusts, AtHome: !o.NoHomeRights,
	}
}

// settings are what the registration is to have. No consent ends in an application for
// the home tenant alone, so that it has no redirect URI.
func (a App) settings(asks []entra.Asked) entra.AppSettings {
	set := entra.AppSettings{DisplayName: a.DisplayName, SignInAudience: homeTenant, Tags: []string{Mark}, Asks: asks}
	if !a.HomeOnly() {
		set.SignInAudience, set.RedirectURIs = multiTenant, []string{a.Landing}
	}
	return set
}

// audience says for whom the registration is.
func (a App) audience() string {
	if a.HomeOnly() {
		return "for the home tenant alone"
	}
	return "for any organisation that consents"
}

// The limits of federated credentials (source: Microsoft Graph, federatedIdentityCredential).
const (
	maxTrusts    = 20
	maxTrustText = 600
)

func (a App) check() error {
	var problems []error
	if a.tooMuch() {
		problems = append(problems, fmt.Errorf("%s: %s must not be in one application", a.App, strings.Join(neverTogether, " and ")))
	}
	if len(a.Trusts) > maxTrusts {
		problems = append(problems, fmt.Errorf("%s: %d subjects are given, and an application takes %d", a.App, len(a.Trusts), maxTrusts))
	}
	for i, t := range a.Trusts {
		problems = append(problems, t.check(a.App))
		if slices.ContainsFunc(a.Trusts[:i], t.same) {
			problems = append(problems, fmt.Errorf("%s: the subject %q is given twice", a.App, t.Subject))
		}
	}
	return errors.Join(problems...)
}

func (t Trust) check(app string) error {
	u, err := url.Parse(t.Issuer)
	switch {
	case t.Issuer == "":
		return fmt.Errorf("%s: the issuer of subject %q is missing: give it with --issuer", app, t.Subject)
	case err != nil, u.Scheme != "https", u.Host == "":
		return fmt.Errorf("%s: the issuer %q of subject %q is not an https address", app, t.Issuer, t.Subject)
	case t.Subject == "", t.Audience == "":
		return fmt.Errorf("%s: subject and audience must not be empty", app)
	case len(t.Issuer) > maxTrustText, len(t.Subject) > maxTrustText, len(t.Audience) > maxTrustText:
		return fmt.Errorf("%s: issuer, subject and audience have at most %d characters", app, maxTrustText)
	}
	return nil
}

// same reports whether two cannot be in one application, whatever their audience.
func (t Trust) same(other Trust) bool { return t.Issuer == other.Issuer && t.Subject == other.Subject }

// ourCredential begins the names of the federated credentials that we make.
const ourCredential = "usher-"

// credential is the federated credential of a trust. Its name is made of what
// identifies it, so that a repetition meets the same one.
func (t Trust) credential() entra.FederatedCredential {
	sum := sha256.Sum256([]byte(t.Issuer + "\n" + t.Subject))
	return entra.FederatedCredential{
		Name: ourCredential + hex.EncodeToString(sum[:8]), Description: "Made by usher bootstrap.",
		Issuer: t.Issuer, Subject: t.Subject, Audiences: []string{t.Audience},
	}
}
