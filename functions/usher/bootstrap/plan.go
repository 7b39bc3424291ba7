package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/profile"
)

// Found is what a tenant shows of one application.
type Found struct {
	// Application is nil when there is none of our unique name, Principal when it has
	// no service principal.
	Application *entra.Application
	Principal   *entra.ServicePrincipal
	Federated   []entra.FederatedCredential
	Grants      []entra.Grant
	Roles       []account.RoleAssignment
	// Resources are the APIs as the tenant has them, by application id.
	Resources map[string]entra.ServicePrincipal
}

// Action says what a line of a plan is about.
type Action string

// The actions. Drift is what a person must look at; nothing is done about it.
const (
	Create Action = "create"
	Add    Action = "add"
	Change Action = "change"
	Remove Action = "remove"
	Keep   Action = "keep"
	Drift  Action = "drift"
)

// Line is one line of a plan.
type Line struct {
	Action Action `json:"action"`
	Object string `json:"object"`
	Reason string `json:"reason"`
}

// Plan is what is to be done about one application: lines for people, and the writes
// behind them. Several lines may be one write.
type Plan struct {
	App    App
	Lines  []Line
	writes []write
}

// Writes is how many calls that change something the plan takes.
func (p *Plan) Writes() int { return len(p.writes) }

// write is one call that changes something. Each may be repeated.
type write struct {
	doing string
	needs need
	do    act
	// see, where it is set, waits until what was made can be read.
	see act
}

type act func(ctx context.Context, on *target) error

// need is what the operator must hold: a person the role, an application the permission.
type need struct{ Role, Permission string }

// The needs (source: Microsoft Graph, the permissions of each operation; Microsoft
// Entra built-in roles).
var (
	toRead     = need{"Global Reader", "Application.Read.All and RoleManagement.Read.Directory"}
	toRegister = need{"Application Administrator", "Application.ReadWrite.All"}
	toGrant    = need{"Privileged Role Administrator", "AppRoleAssignment.ReadWrite.All"}
	toAssign   = need{"Privileged Role Administrator", "RoleManagement.ReadWrite.Directory"}
)

// Refused says why nothing was done, and what to do about it.
type Refused struct{ text string }

// Error gives the reason.
func (r *Refused) Error() string { return r.text }

func refusedf(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// Compare makes the plan that leads from what was found to what is wanted. It is a pure function.
//
// It fails where going on could do harm: when the application of our unique name does
// not bear our tag, or when the tenant lacks an API or a permission that is needed.
func Compare(want App, found Found) (*Plan, error) {
	if a := found.Application; a != nil && !slices.Contains(a.Tags, Mark) {
		return nil, refusedf("the application %q (client id %s) has the unique name %s but not the tag %s, so it may be somebody else's and nothing was touched: choose another --name, or give it the tag if it is ours", a.DisplayName, a.AppID, want.UniqueName, Mark)
	}
	p := &Plan{App: want}
	if err := p.settings(found); err != nil {
		return nil, err
	}
	p.principal(found)
	p.federated(found)
	p.grants(found)
	p.roles(found)
	p.keys(found)
	return p, nil
}

func (p *Plan) line(a Action, object, reason string) {
	p.Lines = append(p.Lines, Line{a, object, reason})
}

func (p *Plan) write(doing string, needs need, do act) {
	p.make(doing, needs, do, nil)
}

func (p *Plan) make(doing string, needs need, do, see act) {
	p.writes = append(p.writes, write{doing, needs, do, see})
}

// settings compares the registration, which is written whole.
func (p *Plan) settings(found Found) error {
	asks, err := p.App.asks(found.Resources)
	if err != nil {
		return err
	}
	set := p.App.settings(asks)
	object := "application " + p.App.UniqueName
	before := len(p.Lines)
	if found.Application == nil {
		p.line(Create, object, fmt.Sprintf("%q, %s", set.DisplayName, p.App.audience()))
	} else {
		set.Tags = found.Application.Tags
		p.differences(object, found.Application.AppSettings, set)
	}
	p.asked(found, asks)
	if slices.ContainsFunc(p.Lines[before:], func(l Line) bool { return l.Action != Keep }) {
		p.make("write "+object, toRegister, func(ctx context.Context, on *target) error {
			return on.PutApplication(ctx, on.Tenant, on.uniqueName, set)
		}, seeApplication)
	}
	return nil
}

// differences tells what of the registration itself is not as it should be.
func (p *Plan) differences(object string, is, should entra.AppSettings) {
	before := len(p.Lines)
	if is.DisplayName != should.DisplayName {
		p.line(Change, object, fmt.Sprintf("the name is %q, not %q", is.DisplayName, should.DisplayName))
	}
	if is.SignInAudience != should.SignInAudience {
		p.line(Change, object, fmt.Sprintf("the sign-in audience is %q, not %q", is.SignInAudience, should.SignInAudience))
	}
	for _, uri := range is.RedirectURIs {
		if !slices.Contains(should.RedirectURIs, uri) {
			p.line(Remove, "redirect URI "+uri, "not ours: a browser could be led there")
		}
	}
	for _, uri := range should.RedirectURIs {
		if !slices.Contains(is.RedirectURIs, uri) {
			p.line(Add, "redirect URI "+uri, "where the browser ends after a consent")
		}
	}
	if len(p.Lines) == before {
		p.line(Keep, object, "as it should be")
	}
}

// asks resolves the wanted permissions by name.
func (a App) asks(resources map[string]entra.ServicePrincipal) ([]entra.Asked, error) {
	var asks []entra.Asked
	var problems []error
	for _, want := range a.Permissions {
		id, ok := resources[want.Resource.AppID].Permissions[want.Name]
		if !ok {
			problems = append(problems, refusedf("the home tenant does not offer %s of %s: it needs a subscription with Exchange Online", want.Name, want.Resource.Name))
			continue
		}
		asks = append(asks, entra.Asked{ResourceAppID: want.Resource.AppID, PermissionID: id})
	}
	return asks, errors.Join(problems...)
}

// asked compares what customers are asked to consent to.
func (p *Plan) asked(found Found, asks []entra.Asked) {
	var has []entra.Asked
	if found.Application != nil {
		has = found.Application.Asks
	}
	for i, want := range p.App.Permissions {
		action := Add
		if slices.ContainsFunc(has, asks[i].Equal) {
			action = Keep
		}
		p.line(action, "request for "+want.Name, "needed to "+want.Why)
	}
	for _, a := range has {
		if !slices.ContainsFunc(asks, a.Equal) {
			p.line(Remove, "request for "+found.permission(a.ResourceAppID, a.PermissionID), "nothing needs it")
		}
	}
}

func (p *Plan) principal(found Found) {
	object := "service principal of " + p.App.UniqueName
	if found.Principal != nil {
		p.line(Keep, object, "it is there")
		return
	}
	p.line(Create, object, "what rights are given to in this tenant")
	p.make("make the "+object, toRegister, func(ctx context.Context, on *target) error {
		return on.PutServicePrincipal(ctx, on.Tenant, on.application.AppID)
	}, seePrincipal)
}

// federated compares whose tokens sign in. What is stale goes first, for an
// application takes only so many.
func (p *Plan) federated(found Found) {
	for _, f := range found.Federated {
		t := Trust{Issuer: f.Issuer, Subject: f.Subject}
		switch {
		case slices.ContainsFunc(p.App.Trusts, t.same):
		case !strings.HasPrefix(f.Name, ourCredential):
			p.line(Drift, credentialObject(f), "not made by us: its holder signs in as this application; remove it unless you know it")
		case len(p.App.Trusts) == 0:
			p.line(Keep, credentialObject(f), "no subject was given, so it stays as it is")
		default:
			p.distrust(f)
		}
	}
	for _, t := range p.App.Trusts {
		p.trust(t, found)
	}
	if len(p.App.Trusts)+len(found.Federated) == 0 {
		p.line(Drift, "federated credential", "there is none and no subject was given, so nobody can sign in yet")
	}
}

func (p *Plan) distrust(f entra.FederatedCredential) {
	p.line(Remove, credentialObject(f), "no longer among the subjects")
	p.write("remove "+credentialObject(f), toRegister, func(ctx context.Context, on *target) error {
		return on.RemoveFederatedCredential(ctx, on.Tenant, on.application.ObjectID, f.ID)
	})
}

func (p *Plan) trust(t Trust, found Found) {
	should := t.credential()
	i := slices.IndexFunc(found.Federated, func(f entra.FederatedCredential) bool { return t.same(Trust{Issuer: f.Issuer, Subject: f.Subject}) })
	action, reason := Add, "signs in without a secret"
	if i >= 0 {
		is := found.Federated[i]
		if slices.Equal(is.Audiences, should.Audiences) {
			p.line(Keep, credentialObject(is), reason)
			return
		}
		should.Name = is.Name
		action, reason = Change, fmt.Sprintf("the audience is %s, not %s", strings.Join(is.Audiences, ", "), t.Audience)
	}
	p.line(action, credentialObject(should), reason)
	p.write(string(action)+" "+credentialObject(should), toRegister, func(ctx context.Context, on *target) error {
		return on.PutFederatedCredential(ctx, on.Tenant, on.application.ObjectID, should)
	})
}

func credentialObject(f entra.FederatedCredential) string {
	return "federated credential of " + f.Subject + " at " + f.Issuer
}

// permission names a permission by its id, as far as the tenant tells.
func (f Found) permission(resourceAppID, id string) string {
	for name, known := range f.Resources[resourceAppID].Permissions {
		if strings.EqualFold(known, id) {
			return name
		}
	}
	return id
}

// roleName names a directory role by its template id, as far as it is known here.
func roleName(id string) string {
	if _, name, ok := profile.Role(id); ok {
		return name
	}
	return id
}
