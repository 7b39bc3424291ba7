package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/host"
)

// learnEvery is the pause between two looks for domains that are not known yet.
const learnEvery = 30 * time.Second

// LearnDomains asks the tenants that are not known yet for their domains.
func (a *App) LearnDomains(ctx context.Context) error {
	return a.Engines.LearnDomains(ctx, a.Directory.Domains)
}

// learnLate asks until every tenant is known, or ctx ends.
func (a *App) learnLate(ctx context.Context) {
	for len(a.Tenants.Unknown()) > 0 {
		select {
		case <-time.After(learnEvery):
		case <-ctx.Done():
			return
		}
		if err := a.LearnDomains(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "not ready: the domains of a tenant are not known", "error", err)
		}
	}
}

// patient asks a sender to come back when its request may be about a tenant whose
// domains are not known yet: refusing the ticket would be final, and wrong.
type patient struct {
	desk    *intake.Desk
	tenants *host.Tenants
}

// Accept takes a document, see intake.Desk.
func (p patient) Accept(ctx context.Context, body []byte, from intake.Source) (intake.Answer, error) {
	if alias := p.undecided(body); alias != "" {
		return intake.Answer{}, fault.Retry(fault.Unreachable, 0, fmt.Errorf("the domains of tenant %s are not known yet", alias))
	}
	return p.desk.Accept(ctx, body, from)
}

// undecided names an unknown tenant that the document may mean. One that a known
// tenant's name decides, or that cannot be read, is the desk's business.
func (p patient) undecided(body []byte) string {
	unknown := p.tenants.Unknown()
	var doc struct{ Tenant events.TenantRef }
	if len(unknown) == 0 || json.Unmarshal(body, &doc) != nil {
		return ""
	}
	ref := doc.Tenant
	if ref.Alias == "" && ref.ID == "" && ref.Domain == "" {
		return ""
	}
	for _, t := range p.tenants.All() {
		if len(t.Domains) > 0 && names(ref, t) {
			return ""
		}
	}
	for _, t := range unknown {
		named := ref.Alias == "" && ref.ID == "" || names(events.TenantRef{Alias: ref.Alias, ID: ref.ID}, t)
		if named {
			return t.Alias
		}
	}
	return ""
}

// names reports whether the reference says this tenant by any of its names.
func names(ref events.TenantRef, t account.Tenant) bool {
	if ref.Alias == t.Alias || ref.ID == string(t.ID) {
		return true
	}
	for _, d := range t.Domains {
		if ref.Domain == d {
			return true
		}
	}
	return false
}
