package intake

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// orderBy is an order that a person (or the nightly sync) gives without a document.
// An empty upn is for an order about no account.
func (d *Desk) orderBy(by string, action account.Action, id account.TenantID, upn string, t account.Ticket) (order, error) {
	if by == "" {
		return order{}, fault.Stopf(fault.RequestInvalid, "say who asks for it")
	}
	tenant, err := d.tenantByID(id)
	if err != nil {
		return order{}, err
	}
	return order{
		tenant: tenant, actor: by, now: d.Now(),
		keys: ledger.Keys{Tenant: id, UserPrincipalName: upn, Action: action},
		req: events.Request{
			RequestID: "req-" + d.NewID(), Action: string(action),
			Ticket: events.Ticket{
				System: t.System, Account: t.Account, ID: t.ID, Key: t.Key, URL: t.URL, Revision: t.Revision,
				Requester: events.Person{Name: by},
			},
		},
	}, nil
}

// Sync starts the nightly comparison of one tenant, by alias, or of all when alias
// is empty. A tenant whose sync is still open is refused with fault sync-running; the
// others are started all the same.
func (d *Desk) Sync(ctx context.Context, alias, by string) ([]account.Request, error) {
	var started []account.Request
	var failed []error
	run, known := d.NewID(), false
	for _, t := range d.Tenants() {
		if alias != "" && t.Alias != alias {
			continue
		}
		known = true
		req, err := d.syncOne(ctx, t, run, by)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		started = append(started, req)
	}
	if !known {
		return nil, fault.Stopf(fault.UnknownTenant, "no configured tenant has alias %s", alias)
	}
	return started, errors.Join(failed...)
}

func (d *Desk) syncOne(ctx context.Context, t account.Tenant, run, by string) (account.Request, error) {
	o, err := d.orderBy(by, account.Sync, t.ID, "", account.Ticket{})
	if err != nil {
		return account.Request{}, err
	}
	args, err := json.Marshal(events.FullSyncArgs{Run: run})
	if err != nil {
		return account.Request{}, err
	}
	verdict, err := d.store(ctx, o.keys, func(s ledger.Situation) (ledger.Draft, error) {
		if len(s.Open) > 0 {
			return ledger.Draft{}, fault.Stopf(fault.SyncRunning, "the sync %s of tenant %s is still running", s.Open[0].ID, t.Alias)
		}
		rec := ledger.Record{Request: d.row(o)}
		rec.Request.Steps = []account.Step{{
			Name: events.FullSync, Function: events.FullSync, Title: "Compare tenant " + t.Alias, Args: args, State: account.StepPending,
		}}
		note(&rec, o, "sync.started", "run "+run)
		send(&rec, o)
		return ledger.Draft{Record: rec}, nil
	})
	return verdict.Request, err
}
