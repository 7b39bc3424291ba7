package console_test

import (
	"context"
	"strings"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/queue"
)

// books is a ledger in memory.
type books struct {
	requests []account.Request
	accounts []account.Account
	runs     []ledger.SyncRun
	appended []ledger.Entry
	broken   error
	filter   ledger.Filter // the last one asked with
	notices  []ledger.Notice
	noticed  ledger.NoticeFilter // likewise
}

func (b *books) Request(_ context.Context, id string) (account.Request, error) {
	for _, r := range b.requests {
		if r.ID == id {
			return r, nil
		}
	}
	return account.Request{}, ledger.ErrNotFound
}

func (b *books) Requests(_ context.Context, f ledger.Filter) ([]account.Request, error) {
	b.filter = f
	return b.requests, nil
}

func (b *books) Timeline(_ context.Context, id string) ([]ledger.Entry, error) {
	return []ledger.Entry{{RequestID: id, Seq: 1, Kind: "request.accepted"}}, nil
}

func (b *books) Runs(_ context.Context, t account.TenantID, _ int) (found []ledger.SyncRun, err error) {
	for _, r := range b.runs {
		if r.Tenant == t {
			found = append(found, r)
		}
	}
	return found, nil
}

func (b *books) Account(_ context.Context, id string) (account.Account, error) {
	for _, a := range b.accounts {
		if a.ID == id {
			return a, nil
		}
	}
	return account.Account{}, ledger.ErrNotFound
}

func (b *books) Accounts(_ context.Context, f ledger.Filter) (found []account.Account, err error) {
	b.filter = f
	for _, a := range b.accounts {
		if f.UserPrincipalName == "" || strings.EqualFold(f.UserPrincipalName, a.UserPrincipalName) {
			found = append(found, a)
		}
	}
	return found, nil
}

func (b *books) Notices(_ context.Context, f ledger.NoticeFilter) ([]ledger.Notice, error) {
	b.noticed = f
	return b.notices, nil
}

func (b *books) AuditTenants(context.Context) ([]account.TenantID, error) {
	return []account.TenantID{contoso.ID}, nil
}

func (b *books) Verify(context.Context, account.TenantID) (int64, string, error) {
	return 7, "abc", b.broken
}

func (b *books) Append(_ context.Context, e ...ledger.Entry) error {
	b.appended = append(b.appended, e...)
	return nil
}

// letters are dead letters in memory.
type letters map[string]queue.DeadMessage

func (l letters) Dead(context.Context, string) (found []queue.DeadMessage, err error) {
	for _, m := range l {
		found = append(found, m)
	}
	return found, nil
}

func (l letters) DeadOne(_ context.Context, id string) (queue.DeadMessage, error) {
	if m, ok := l[id]; ok {
		return m, nil
	}
	return queue.DeadMessage{}, queue.ErrNotFound
}

func (l letters) Replay(_ context.Context, id string) error  { delete(l, id); return nil }
func (l letters) Discard(_ context.Context, id string) error { delete(l, id); return nil }

// desk writes down the orders it gets, and answers with request, or err.
type desk struct {
	orders  []any
	request account.Request
	err     error
}

func (d *desk) take(order ...any) (account.Request, error) {
	d.orders = append(d.orders, order...)
	return d.request, d.err
}

func (d *desk) Approve(_ context.Context, id string, a account.Approval) (account.Request, error) {
	return d.take(id, a)
}

// Case is one that Ann and Bob may approve.
func (d *desk) Case(r account.Request) (policy.Case, error) {
	return policy.Case{
		Decision: policy.Decision{Tier: policy.TwoApprovers, Needs: policy.Needs{Approvers: 2}}, Digest: "sha256:1",
		Requesters: []string{r.Requester}, Life: time.Hour,
		Approvers: []policy.Person{{ID: "ann@contoso.com", Name: "Ann Ash"}, {ID: "bob@contoso.com", Name: "Bob Bay"}},
	}, d.err
}

func (d *desk) Explain(document []byte) (policy.Decision, error) {
	_, err := d.take(string(document))
	return policy.Decision{Tier: policy.Automatic}, err
}

func (d *desk) Revoke(_ context.Context, a account.Account, by, reason string, how events.Offboard) (account.Request, error) {
	return d.take(a.ID, by, reason, how)
}

func (d *desk) Extend(_ context.Context, a account.Account, by, reason string, x account.Extension) (account.Request, error) {
	return d.take(a.ID, by, reason, x)
}

func (d *desk) Undo(_ context.Context, id, by string) (account.Request, error) {
	return d.take(id, by)
}

func (d *desk) Sync(_ context.Context, alias, by string) ([]account.Request, error) {
	r, err := d.take(alias, by)
	return []account.Request{r}, err
}

var held = fault.Stopf(fault.AccountHeld, "held: federation is in use")
