package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/queue"
)

// Requests reads requests and what happened to them.
type Requests interface {
	Request(ctx context.Context, id string) (account.Request, error)
	Requests(ctx context.Context, f ledger.Filter) ([]account.Request, error)
	Timeline(ctx context.Context, requestID string) ([]ledger.Entry, error)
	Runs(ctx context.Context, t account.TenantID, limit int) ([]ledger.SyncRun, error)
}

// Accounts reads managed accounts.
type Accounts interface {
	Account(ctx context.Context, id string) (account.Account, error)
	Accounts(ctx context.Context, f ledger.Filter) ([]account.Account, error)
}

// Audit reads and continues the audit chains.
type Audit interface {
	AuditTenants(ctx context.Context) ([]account.TenantID, error)
	// Verify gives the number of good entries and the hash of the last one; a
	// *ledger.BrokenChain when the chain is not true.
	Verify(ctx context.Context, t account.TenantID) (count int64, head string, err error)
	Append(ctx context.Context, entries ...ledger.Entry) error
}

// Notices reads what people should know that belongs to no open request.
type Notices interface {
	Notices(ctx context.Context, f ledger.NoticeFilter) ([]ledger.Notice, error)
}

// DeadLetters is what an operator does with messages that were put aside.
type DeadLetters interface {
	// Dead lists the dead letters of a queue, of all queues when name is empty.
	Dead(ctx context.Context, name string) ([]queue.DeadMessage, error)
	DeadOne(ctx context.Context, id string) (queue.DeadMessage, error)
	Replay(ctx context.Context, id string) error
	Discard(ctx context.Context, id string) error
}

// Desk takes a person's orders. Each gives the request that follows from the order.
type Desk interface {
	Approve(ctx context.Context, requestID string, a account.Approval) (account.Request, error)
	Revoke(ctx context.Context, a account.Account, by, reason string, how events.Offboard) (account.Request, error)
	Undo(ctx context.Context, requestID, by string) (account.Request, error)
	// Sync starts the sync of a tenant, of every tenant when alias is empty.
	Sync(ctx context.Context, alias, by string) ([]account.Request, error)
}

// Cases tells what a request needs, and from whom.
type Cases interface {
	// Case is about a parked request.
	Case(r account.Request) (policy.Case, error)
	// Explain is about a request document that was not sent.
	Explain(document []byte) (policy.Decision, error)
}

// Passwords sets new passwords; it gives the request that does.
type Passwords interface {
	Rotate(ctx context.Context, a account.Account, by, reason string, how *events.Delivery) (account.Request, error)
}

// Options build the handler. Every field is required unless it says otherwise.
type Options struct {
	Requests    Requests
	Accounts    Accounts
	Audit       Audit
	Notices     Notices
	DeadLetters DeadLetters
	Desk        Desk
	Connections Connections
	Consents    Consents
	Passwords   Passwords
	Cases       Cases
	Lives       Lives
	// Profiles are the known profiles, by name.
	Profiles []profile.Profile
	// Tenants lists the configured tenants.
	Tenants func() []account.Tenant
	// Token opens /api to whoever shares it. A zero token opens it to nobody.
	Token account.Secret
	// Bearers are approvers whose own tokens open to them what one needs to approve.
	Bearers []policy.Bearer
	Now     func() time.Time
	// Ready gives the reasons why the process cannot work; none when it can.
	Ready func(context.Context) []string
	// Metrics answers /metrics. Nil leaves the path out.
	Metrics http.Handler
	// Doctor examines a tenant. Nil where the process makes no calls to tenants.
	Doctor func(context.Context, account.Tenant) Report
	// Fitness looks at accounts. Nil where the process makes no calls to tenants.
	Fitness Fitness
	// PlanConsentPolicy reads a tenant's consent policy, likewise.
	PlanConsentPolicy PlanConsentPolicy
	// Probe looks at the credentials and consents of a tenant, and gives in words what it
	// could not see. Nil where the process makes no calls to tenants.
	Probe func(context.Context, account.Tenant) (unknown []string, err error)
}

type console struct {
	Options
	keys []key
}

// call answers one API call: a value to encode, or an error (see problemOf).
type call func(*http.Request) (any, error)

// New makes the handler of the whole API.
func New(o Options) http.Handler {
	c := &console{Options: o, keys: keysOf(o)}
	mux := http.NewServeMux()
	for path, methods := range c.routes() {
		mux.Handle(path, c.guarded(path, methods))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", c.ready)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		notFound("there is no "+r.URL.Path, "the paths are listed in the README under HTTP").write(w)
	})
	return mux
}

func (c *console) routes() map[string]map[string]call {
	return map[string]map[string]call{
		"/api/requests":                   {"GET": c.listRequests},
		"/api/requests/{id}":              {"GET": c.showRequest},
		"/api/requests/{id}/approve":      {"POST": c.approve},
		"/api/requests/{id}/undo":         {"POST": c.undo},
		"/api/requests/{id}/consent-link": {"POST": c.consentLink},
		"/api/accounts":                   {"GET": c.listAccounts},
		"/api/accounts/{id}":              {"GET": c.showAccount},
		"/api/accounts/{id}/fitness":      {"GET": c.fitnessOfAccount},
		"/api/fitness":                    {"POST": c.fitnessOfDocument},
		"/api/accounts/{id}/revoke":       {"POST": c.revoke},
		"/api/accounts/{id}/targets":      {"GET": c.showTargets, "POST": c.retarget},
		"/api/accounts/{id}/extend":       {"POST": c.extend},
		"/api/accounts/{id}/rotate":       {"POST": c.rotate},
		"/api/accounts/{id}/reconnect":    {"POST": c.reconnect},
		"/api/sync":                       {"GET": c.listRuns, "POST": c.sync},
		"/api/dead":                       {"GET": c.listDead},
		"/api/dead/{id...}":               {"GET": c.showDead, "POST": c.replay, "DELETE": c.discard},
		"/api/notices":                    {"GET": c.listNotices},
		"/api/audit/verify":               {"GET": c.verify},
		"/api/policy/explain":             {"POST": c.explain},
		"/api/profiles":                   {"GET": c.listProfiles},
		"/api/profiles/{name}":            {"GET": c.showProfile},
		"/api/doctor":                     {"GET": c.doctor},
		"/api/consent-policy/{name}":      {"GET": c.consentPolicy, "POST": c.planConsentPolicy},
		"/api/probe":                      {"POST": c.probe},
	}
}

// guarded checks token and method, and answers.
func (c *console) guarded(path string, methods map[string]call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		owner, p := c.authorize(r)
		if p != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="usher"`)
			p.write(w)
			return
		}
		answer, ok := methods[r.Method]
		if !ok {
			allowed := slices.Sorted(maps.Keys(methods))
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			problem(http.StatusMethodNotAllowed, CodeNotAllowed,
				fmt.Sprintf("%s takes %s, not %s", r.URL.Path, strings.Join(allowed, " or "), r.Method), "").write(w)
			return
		}
		if owner != nil && !forApprovers[r.Method+" "+path] {
			notForApprovers(*owner, r).write(w)
			return
		}
		v, err := answer(ownedBy(r, owner))
		if err != nil {
			problemOf(err).write(w)
			return
		}
		writeJSON(w, http.StatusOK, v)
	})
}

func (c *console) ready(w http.ResponseWriter, r *http.Request) {
	if reasons := c.Ready(r.Context()); len(reasons) > 0 {
		w.Header().Set("Retry-After", "30")
		writeJSON(w, http.StatusServiceUnavailable, Readiness{Status: "not ready", Reasons: reasons})
		return
	}
	writeJSON(w, http.StatusOK, Readiness{Status: "ready"})
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Status  string   `json:"status"`
	Reasons []string `json:"reasons,omitempty"`
}

// alias gives the operator's name of a tenant, its id when it is not configured any more.
func (c *console) alias(id account.TenantID) string {
	for _, t := range c.Tenants() {
		if t.ID == id {
			return t.Alias
		}
	}
	return string(id)
}

// tenant finds a configured tenant by alias or id.
func (c *console) tenant(name string) (account.Tenant, error) {
	var known []string
	for _, t := range c.Tenants() {
		if strings.EqualFold(t.Alias, name) || strings.EqualFold(string(t.ID), name) {
			return t, nil
		}
		known = append(known, t.Alias)
	}
	return account.Tenant{}, notFound(fmt.Sprintf("there is no tenant %q", name), "configured are: "+strings.Join(known, ", "))
}

// tenants finds the tenant of that name, or gives all when the name is empty.
func (c *console) tenants(name string) ([]account.Tenant, error) {
	if name == "" {
		return c.Tenants(), nil
	}
	t, err := c.tenant(name)
	return []account.Tenant{t}, err
}
