package console

import (
	"errors"
	"net/http"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// maxRuns is how many runs of each tenant a listing shows.
const maxRuns = 20

func (c *console) listRuns(r *http.Request) (any, error) {
	tenants, err := c.tenants(r.URL.Query().Get("tenant"))
	if err != nil {
		return nil, err
	}
	runs := []ledger.SyncRun{}
	for _, t := range tenants {
		found, err := c.Requests.Runs(r.Context(), t.ID, maxRuns)
		if err != nil {
			return nil, err
		}
		runs = append(runs, found...)
	}
	return runs, nil
}

// sync starts a sync of one tenant or of all, and gives the requests it became.
func (c *console) sync(r *http.Request) (any, error) {
	var order SyncOrder
	if err := readJSON(r, &order); err != nil {
		return nil, err
	}
	if order.By == "" {
		return nil, badRequest("a sync needs a name in \"by\"")
	}
	alias := ""
	if order.Tenant != "" {
		t, err := c.tenant(order.Tenant)
		if err != nil {
			return nil, err
		}
		alias = t.Alias
	}
	started, err := c.Desk.Sync(r.Context(), alias, order.By)
	if err != nil {
		return nil, err
	}
	now, list := c.Now(), make([]Request, 0, len(started))
	for _, req := range started {
		list = append(list, c.view(req, now))
	}
	return list, nil
}

func (c *console) verify(r *http.Request) (any, error) {
	ids, err := c.Audit.AuditTenants(r.Context())
	if err != nil {
		return nil, err
	}
	chains := []Chain{}
	for _, id := range ids {
		v := Chain{Tenant: c.alias(id), TenantID: id}
		v.Entries, v.Head, err = c.Audit.Verify(r.Context(), id)
		if broken, ok := errors.AsType[*ledger.BrokenChain](err); ok {
			v.Broken = broken.Error()
		} else if err != nil {
			return nil, err
		}
		chains = append(chains, v)
	}
	return chains, nil
}

func (c *console) listProfiles(*http.Request) (any, error) { return c.Profiles, nil }

func (c *console) showProfile(r *http.Request) (any, error) {
	name := r.PathValue("name")
	for _, p := range c.Profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, problem(http.StatusNotFound, fault.UnknownProfile, "there is no profile "+name, fault.Remedy(fault.UnknownProfile))
}

func (c *console) doctor(r *http.Request) (any, error) {
	if c.Doctor == nil {
		return nil, notFound("this process makes no calls to tenants, so it cannot examine them", "run 'usher doctor' where the functions run")
	}
	tenants, err := c.tenants(r.URL.Query().Get("tenant"))
	if err != nil {
		return nil, err
	}
	reports := []Report{}
	for _, t := range tenants {
		reports = append(reports, c.Doctor(r.Context(), t))
	}
	return reports, nil
}
