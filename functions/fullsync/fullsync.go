// Package fullsync proves every night that what was promised is still true: it
// reads a tenant from end to end, compares, and starts what is overdue. Where the time
// of one delivery is not enough for that, it goes on in the next.
package fullsync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/step"
)

// Directory is what this function reads of Entra.
type Directory interface {
	// UserPage reads a page of the tenant's users with their licences: the first for an
	// empty cursor, and the one after another page for the cursor that came with that.
	// An empty next is the end.
	UserPage(ctx context.Context, t account.TenantID, cursor string) (page []account.User, next string, err error)
	User(ctx context.Context, t account.TenantID, name string) (account.User, error)
	// RoleAssignmentPage reads a page of the tenant's role assignments, likewise.
	RoleAssignmentPage(ctx context.Context, t account.TenantID, cursor string) (page []account.RoleAssignment, next string, err error)
}

// RoleGroups is what it reads of Exchange: for each of the accounts, whether it is a member.
type RoleGroups interface {
	HoldersOf(ctx context.Context, t account.TenantID, group string, of ...account.Member) ([]bool, error)
}

// Books is what it needs of the ledger about requests and accounts.
type Books interface {
	Accounts(ctx context.Context, f ledger.Filter) ([]account.Account, error)
	Requests(ctx context.Context, f ledger.Filter) ([]account.Request, error)
	Update(ctx context.Context, requestID string, change func(*ledger.Record) error) error
	Append(ctx context.Context, entries ...ledger.Entry) error
}

// Inventory keeps what was seen.
type Inventory interface {
	BeginInventory(ctx context.Context, t account.TenantID, run string) (ledger.Inventory, error)
	AddToInventory(ctx context.Context, inv ledger.Inventory, users []account.User) error
	// FinishInventory replaces the tenant's inventory by the one that was begun.
	FinishInventory(ctx context.Context, inv ledger.Inventory) (count, licensed int, err error)
	SaveRun(ctx context.Context, run ledger.SyncRun) error
}

// Desk starts the offboarding of an account whose time is over, and the synchronisation
// of the users of a connection.
type Desk interface {
	Expire(ctx context.Context, acc account.Account, reason string, how events.Offboard) error
	SyncTargets(ctx context.Context, acc account.Account) error
}

// Health looks at our credentials and at the consents of a tenant, and tells whoever should know.
type Health interface {
	Probe(ctx context.Context, t account.Tenant) (unhealthy int, unknown []string, err error)
}

// Policy is how patient the function is. One delivery may take long, 50,000 users are 51
// pages; it may also be given less time, and the run then takes several.
var Policy = step.Policy{MaxFailures: 5, Timeout: time.Hour}

// Handler runs the sync of one tenant.
type Handler struct {
	directory Directory
	groups    RoleGroups
	books     Books
	inventory Inventory
	desk      Desk
	now       func() time.Time
	// Operators are mailed the notices that no owner answers for. Set it before use.
	Operators []string
	// Domains tells which domains are federated. Nil looks at none. Set it before use.
	Domains Domains
	// Consents tells what connections hold. Nil compares none. Set it before use.
	Consents Consents
	// Conditional tells what Conditional Access does with accounts. Nil compares none of
	// it. Set it before use.
	Conditional *Conditional
	// Passwords are looked after where this is set. Set it before use.
	Passwords *Passwords
	// Health is looked at when a run begins, before the tenant is read: a sync that cannot
	// sign in tells so too. Nil looks at none. Set it before use.
	Health Health
}

// New makes the handler.
func New(d Directory, g RoleGroups, b Books, i Inventory, desk Desk, now func() time.Time) *Handler {
	return &Handler{directory: d, groups: g, books: b, inventory: i, desk: desk, now: now}
}

// Handle reads the tenant, compares, records what differs, and starts what is overdue; or
// it does a part of that, and asks to be called again.
func (h *Handler) Handle(ctx context.Context, t step.Task[events.FullSyncArgs]) (step.Result, error) {
	p := placeOf(t)
	run := ledger.SyncRun{RequestID: t.Request.ID, Tenant: t.Tenant.ID, StartedAt: p.StartedAt}
	failed := h.health(ctx, t)
	if failed == nil {
		failed = h.sync(ctx, t, &p, &run)
	}
	if errors.Is(failed, errLater) {
		return step.Result{Again: true, Checkpoint: p.checkpoint(), Detail: p.progress()}, nil
	}
	run.FinishedAt = h.now()
	if failed != nil {
		run.Error = failed.Error()
		run.Withheld = "the tenant could not be read to the end"
	}
	if errors.Is(failed, ledger.ErrOvertaken) {
		p = place{} // what it stored is gone, so the next attempt begins anew
	}
	if err := h.inventory.SaveRun(ctx, run); err != nil {
		failed = errors.Join(failed, fmt.Errorf("save the run: %w", err))
	}
	if failed != nil {
		return step.Result{Checkpoint: p.checkpoint()}, failed
	}
	return step.Result{Detail: summary(run)}, nil
}

// health looks at our credentials, once a run. What could not be seen stands in the way of
// the sync too, which says so, or is seen in the next hour.
func (h *Handler) health(ctx context.Context, t step.Task[events.FullSyncArgs]) error {
	if h.Health == nil || len(t.Step.Checkpoint) > 0 {
		return nil
	}
	_, _, err := h.Health.Probe(ctx, t.Tenant)
	return err
}

func (h *Handler) sync(ctx context.Context, t step.Task[events.FullSyncArgs], p *place, run *ledger.SyncRun) error {
	accounts, err := h.books.Accounts(ctx, ledger.Filter{Tenant: t.Tenant.ID, Limit: -1})
	if err != nil {
		return fmt.Errorf("list the accounts we manage: %w", err)
	}
	if accounts, err = h.federation(ctx, t, accounts); err != nil {
		return err
	}
	managed := living(accounts, p.StartedAt)
	err = h.observe(ctx, t, managed, accounts, p)
	run.Users, run.Licensed, run.Restarts, run.Accounts = p.Count, p.Licensed, p.Restarts, len(managed)
	if err != nil {
		return err
	}
	open, err := h.books.Requests(ctx, ledger.Filter{Tenant: t.Tenant.ID, Open: true, Limit: -1})
	if err != nil {
		return fmt.Errorf("list the open requests: %w", err)
	}
	run.Findings = append(Compare(managed, p.Seen, t.Now), h.compared(ctx, t.Tenant, accounts, p.StartedAt, t.Now)...)
	run.Findings = append(run.Findings, Unfinished(accounts, open)...)
	run.Findings = append(run.Findings, p.Seen.Access.unread(managed)...)
	run.Withheld = brake(p.Inventory.UsersBefore, run.Users, managed, run.Findings)
	if err := h.lives(ctx, t, accounts, p, run); err != nil {
		return err
	}
	if err := h.record(ctx, t, *run); err != nil {
		return err
	}
	if err := h.tellAccess(ctx, t, accounts, p.Seen, run.Findings); err != nil {
		return err
	}
	if err := h.syncTargets(ctx, accounts); err != nil {
		return err
	}
	if err := h.passwords(ctx, t, accounts); err != nil {
		return err
	}
	return h.requeueLost(ctx, t, open, run)
}

// living are the accounts that should be as promised since the sync began. One that was
// worked on meanwhile may have been seen before, or after, and is left to the next sync.
// A connection has no user that could be missing; see compared.
func living(all []account.Account, began time.Time) (managed []account.Account) {
	for _, a := range all {
		if a.State == account.AccountActive && a.ObjectID != "" && a.AppID == "" && !a.TriedAt.After(began) {
			managed = append(managed, a)
		}
	}
	return managed
}

// record writes one audit entry per finding.
func (h *Handler) record(ctx context.Context, t step.Task[events.FullSyncArgs], run ledger.SyncRun) error {
	entries := make([]ledger.Entry, 0, len(run.Findings)+1)
	for _, f := range run.Findings {
		entries = append(entries, entry(t, f.Kind, f.AccountID, f.Text))
	}
	if run.Withheld != "" {
		entries = append(entries, entry(t, "sync.withheld", "", run.Withheld))
	}
	if len(entries) == 0 {
		return nil
	}
	if err := h.books.Append(ctx, entries...); err != nil {
		return fmt.Errorf("record the findings: %w", err)
	}
	return nil
}

func entry(t step.Task[events.FullSyncArgs], kind, accountID, text string) ledger.Entry {
	return ledger.Entry{
		Tenant: t.Tenant.ID, At: t.Now, Kind: kind, RequestID: t.Request.ID, AccountID: accountID,
		Actor: events.FullSync, Text: text,
	}
}

func summary(run ledger.SyncRun) string {
	s := fmt.Sprintf("%d users, %d licensed, %d accounts of ours, %d findings", run.Users, run.Licensed, run.Accounts, len(run.Findings))
	if run.Restarts > 0 {
		s += fmt.Sprintf("; begun again %d times, because its place in a listing had expired", run.Restarts)
	}
	if run.Withheld != "" {
		s += "; removals withheld: " + run.Withheld
	}
	return s
}
