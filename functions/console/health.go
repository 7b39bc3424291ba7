package console

import (
	"net/http"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// Health is how the credentials and consents of a tenant were found a moment ago.
type Health struct {
	Tenant   string           `json:"tenant"`
	TenantID account.TenantID `json:"tenantId"`
	// Open are the notices that hold.
	Open []Notice `json:"open"`
	// Unknown says in words what could not be seen.
	Unknown []string `json:"unknown,omitempty"`
}

// Reconnection orders the consents of a connection once more.
type Reconnection struct {
	// By is who orders it, for the audit log.
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// probe looks now, instead of in an hour, raises what is wrong and clears what is not.
func (c *console) probe(r *http.Request) (any, error) {
	if c.Probe == nil {
		return nil, notFound("this process makes no calls to tenants, so it cannot look at their credentials", "the timer of fullsync looks every hour")
	}
	tenants, err := c.tenants(r.URL.Query().Get("tenant"))
	if err != nil {
		return nil, err
	}
	list := make([]Health, 0, len(tenants))
	for _, t := range tenants {
		unknown, err := c.Probe(r.Context(), t)
		if err != nil {
			return nil, err
		}
		open, err := c.Notices.Notices(r.Context(), ledger.NoticeFilter{Tenant: t.ID, Open: true, Limit: -1})
		if err != nil {
			return nil, err
		}
		list = append(list, Health{Tenant: t.Alias, TenantID: t.ID, Open: c.notices(open), Unknown: unknown})
	}
	return list, nil
}

func (c *console) reconnect(r *http.Request) (any, error) {
	var order Reconnection
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, badRequest("a reconnection needs a name in \"by\"")
	}
	a, err := c.account(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.ordered(c.Connections.Reconnect(r.Context(), a, order.By, order.Reason))
}
