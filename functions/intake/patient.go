package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Patient asks a sender to come back when its request may be about a tenant whose
// domains are not known yet: refusing the ticket would be final, and wrong.
type Patient struct {
	Acceptor
	// Tenants lists the tenants with the domains that are known. Required.
	Tenants func() []account.Tenant
	// Learn finds out more about tenants without domains. Nil means that somebody else does.
	Learn func(context.Context) error
}

// Accept takes a document, see Desk.
func (p Patient) Accept(ctx context.Context, body []byte, from Source) (Answer, error) {
	if p.Learn != nil && p.undecided(body) != "" {
		if err := p.Learn(ctx); err != nil {
			return Answer{}, err
		}
	}
	if alias := p.undecided(body); alias != "" {
		return Answer{}, fault.Retry(fault.Unreachable, 0, fmt.Errorf("the domains of tenant %s are not known yet", alias))
	}
	return p.Acceptor.Accept(ctx, body, from)
}

// undecided names an unknown tenant that the document may mean. One that a known
// tenant's name decides, or that cannot be read, is the desk's business.
func (p Patient) undecided(body []byte) string {
	all := p.Tenants()
	unknown := slices.DeleteFunc(slices.Clone(all), func(t account.Tenant) bool { return len(t.Domains) > 0 })
	var doc struct{ Tenant events.TenantRef }
	if len(unknown) == 0 || json.Unmarshal(body, &doc) != nil {
		return ""
	}
	ref := doc.Tenant
	if ref.Alias == "" && ref.ID == "" && ref.Domain == "" {
		return ""
	}
	for _, t := range all {
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
