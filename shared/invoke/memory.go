package invoke

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// Memory is the ledger of one invocation: what came with it, and what it changed. It
// serves one handler at a time.
type Memory struct {
	now      func() time.Time
	requests []*account.Request
	accounts []*account.Account
	leases   map[string]ledger.Lease
	sent     []ledger.Outgoing
	audit    []ledger.Entry
	// changed are the ids of requests that were updated.
	changed map[string]bool
	night   night
}

func newMemory(now func() time.Time) *Memory {
	return &Memory{now: now, leases: map[string]ledger.Lease{}, changed: map[string]bool{}}
}

func (m *Memory) request(id string) *account.Request {
	for _, r := range m.requests {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (m *Memory) account(id string) *account.Account {
	for _, a := range m.accounts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// Update changes one record. An error of change leaves everything as it was.
func (m *Memory) Update(_ context.Context, id string, change func(*ledger.Record) error) error {
	request := m.request(id)
	if request == nil {
		return fmt.Errorf("request %s: %w", id, ledger.ErrNotFound)
	}
	rec := ledger.Record{Request: *request}
	rec.Request.Steps = slices.Clone(request.Steps)
	acc := m.account(request.AccountID)
	if acc != nil {
		rec.Account, rec.Lease = *acc, m.leases[acc.ID]
		rec.Account.Grants = slices.Clone(acc.Grants)
	}
	if err := change(&rec); err != nil {
		return err
	}
	*request, m.changed[id] = rec.Request, true
	if acc != nil {
		*acc, m.leases[acc.ID] = rec.Account, rec.Lease
	}
	m.follow(rec)
	return nil
}

// follow keeps what a transaction would send and append.
func (m *Memory) follow(rec ledger.Record) {
	m.sent = append(m.sent, rec.Send...)
	m.audit = append(m.audit, rec.Audit...)
}

// Accept stores a draft. Nothing was stored before, so nothing is a duplicate and no
// account is known.
func (m *Memory) Accept(_ context.Context, _ ledger.Keys, decide func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error) {
	draft, err := decide(ledger.Situation{})
	if err != nil {
		return ledger.Verdict{}, err
	}
	m.requests = append(m.requests, &draft.Request)
	if draft.Account.ID != "" {
		m.accounts = append(m.accounts, &draft.Account)
	}
	m.follow(draft.Record)
	return ledger.Verdict{Request: draft.Request}, nil
}

// Request gives a request; ledger.ErrNotFound when there is none.
func (m *Memory) Request(_ context.Context, id string) (account.Request, error) {
	if r := m.request(id); r != nil {
		return *r, nil
	}
	return account.Request{}, fmt.Errorf("request %s: %w", id, ledger.ErrNotFound)
}
