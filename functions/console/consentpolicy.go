package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// ConsentPolicy is a tenant's admin consent request policy, and what a request would make
// of it.
type ConsentPolicy struct {
	Tenant string                `json:"tenant"`
	Now    account.ConsentPolicy `json:"now"`
	// Want is the policy after the request; nil without one.
	Want *account.ConsentPolicy `json:"want,omitempty"`
	// Changes are what turns the one into the other, a line for each setting.
	Changes []string `json:"changes,omitempty"`
	// Needs says who has to agree to the request.
	Needs string `json:"needs,omitempty"`
}

func (c *console) consentPolicy(r *http.Request) (any, error) { return c.planned(r, nil) }

// planConsentPolicy shows what a request document would change, and changes nothing.
func (c *console) planConsentPolicy(r *http.Request) (any, error) {
	document, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, badRequest("the body could not be read: %v", err)
	}
	decision, err := c.Cases.Explain(document)
	if err != nil {
		return nil, err
	}
	var req events.Request
	if err := json.Unmarshal(document, &req); err != nil {
		return nil, badRequest("the body is no request document: %v", err)
	}
	asked := req.Access.ConsentPolicy
	if asked == nil {
		return nil, badRequest("the request has no access.consentPolicy, so it leaves the policy as it is")
	}
	t, err := c.tenant(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	if ref := req.Tenant; ref.Alias != "" && !strings.EqualFold(ref.Alias, t.Alias) || ref.ID != "" && !strings.EqualFold(ref.ID, string(t.ID)) ||
		ref.Domain != "" && !slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, ref.Domain) }) {
		return nil, badRequest("the request is about another tenant than %s", t.Alias)
	}
	view, err := c.planned(r, asked)
	view.Needs = decision.Summary()
	return view, err
}

func (c *console) planned(r *http.Request, asked *events.ConsentPolicy) (ConsentPolicy, error) {
	t, err := c.tenant(r.PathValue("name"))
	if err != nil {
		return ConsentPolicy{}, err
	}
	if c.PlanConsentPolicy == nil {
		return ConsentPolicy{}, notFound("this process makes no calls to tenants, so it cannot read their settings", "run 'usher consent policy' where the functions run")
	}
	view := ConsentPolicy{Tenant: t.Alias}
	plan := events.ConsentPolicy{}
	if asked != nil {
		plan = *asked
	}
	now, want, err := c.PlanConsentPolicy(r.Context(), t.ID, plan)
	if view.Now = now; asked != nil && err == nil {
		view.Want, view.Changes = &want, now.Changes(want)
	}
	return view, err
}

// PlanConsentPolicy gives a tenant's consent policy as it is, and as it would be.
type PlanConsentPolicy func(ctx context.Context, t account.TenantID, asked events.ConsentPolicy) (now, want account.ConsentPolicy, err error)
