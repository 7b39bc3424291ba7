package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/ledgertest"
	"github.com/usher365/usher/shared/ledger/tables"
	"github.com/usher365/usher/shared/queue"
)

const tenant account.TenantID = "11111111-1111-1111-1111-111111111111"

func draft(id string) ledger.Draft {
	return ledger.Draft{Record: ledger.Record{
		Request: account.Request{ID: id, Tenant: tenant, AccountID: "acc-" + id, UserPrincipalName: "scan@contoso.com", Action: account.Onboard},
		Account: account.Account{ID: "acc-" + id, Tenant: tenant, UserPrincipalName: "scan@contoso.com"},
		Audit:   []ledger.Entry{{Tenant: tenant, Kind: "request.accepted", RequestID: id}},
		Send:    []ledger.Outgoing{{Queue: "create", Message: queue.Message{ID: id + "/create/1", Body: []byte(id)}}},
	}}
}

// accept stores a request of a new ticket.
func accept(t testing.TB, l *Ledger, id string) {
	_, err := l.Accept(t.Context(), ledger.Keys{Business: id, Tenant: tenant}, func(ledger.Situation) (ledger.Draft, error) { return draft(id), nil })
	require.NoError(t, err)
}

// verify checks the audit chain and gives its length.
func verify(t testing.TB, l *Ledger) int64 {
	n, _, err := l.Verify(t.Context(), tenant)
	require.NoError(t, err)
	return n
}

func TestFiftyDeliveriesToTwoProcessesAreOneRequest(t *testing.T) {
	url, box := fresh(t), &ledgertest.Post{}
	processes := []*Ledger{process(t, url, box), process(t, url, box)}
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		first []string
	)
	for i := range 50 {
		all.Go(func() {
			id := fmt.Sprint("r", i)
			keys := ledger.Keys{Delivery: id, Business: "ticket", Tenant: tenant, UserPrincipalName: "scan@contoso.com"}
			v, err := processes[i%2].Accept(t.Context(), keys, func(s ledger.Situation) (ledger.Draft, error) { return draft(id), nil })
			assert.NoError(t, err)
			if !v.Duplicate {
				mu.Lock()
				defer mu.Unlock()
				first = append(first, v.Request.ID)
			}
		})
	}
	all.Wait()
	require.Len(t, first, 1)
	require.Equal(t, []string{first[0] + "/create/1"}, box.Sent())
	require.Equal(t, int64(1), verify(t, processes[0]))
	require.Equal(t, 1, count(t, url, "accounts"))
	require.Equal(t, 51, count(t, url, "request_keys"))
	require.Zero(t, count(t, url, "outbox"))
}

func TestTicketsForOneNameInTwoProcessesSeeEachOther(t *testing.T) {
	url := fresh(t)
	processes := []*Ledger{process(t, url, nil), process(t, url, nil)}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			id := fmt.Sprint("r", i)
			keys := ledger.Keys{Business: id, Tenant: tenant, UserPrincipalName: "scan@contoso.com"}
			_, err := processes[i%2].Accept(t.Context(), keys, func(s ledger.Situation) (ledger.Draft, error) {
				d := draft(id)
				if s.Account != nil { // it is there already: a request about it
					d.Request.AccountID, d.Account = s.Account.ID, *s.Account
				}
				d.Audit = nil // with lines, the chain's head would be in the way
				return d, nil
			})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 1, count(t, url, "accounts"))
	require.Equal(t, 10, count(t, url, "requests"))
}

func TestOneProcessGetsTheLease(t *testing.T) {
	url := fresh(t)
	one, other := process(t, url, nil), process(t, url, nil)
	accept(t, one, "r1")
	now := time.Now()
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		got []string
	)
	for i, l := range []*Ledger{one, other, one, other} {
		all.Go(func() {
			token, taken := fmt.Sprint("token", i), false
			assert.NoError(t, l.Update(t.Context(), "r1", func(rec *ledger.Record) error {
				if taken = rec.Lease.Free(token, now); taken {
					rec.Lease = ledger.Lease{Token: token, Until: now.Add(time.Minute)}
				}
				return nil
			}))
			if taken {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, token)
			}
		})
	}
	all.Wait()
	require.Len(t, got, 1)
	third := process(t, url, nil)
	require.NoError(t, third.Update(t.Context(), "r1", func(rec *ledger.Record) error {
		assert.Equal(t, got[0], rec.Lease.Token, "opening the ledger takes no lease away")
		return nil
	}))
}

func TestUpdatesOfTwoProcessesDoNotLoseEachOther(t *testing.T) {
	url := fresh(t)
	processes := []*Ledger{process(t, url, nil), process(t, url, nil)}
	accept(t, processes[0], "r1")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				assert.NoError(t, processes[i%2].Update(t.Context(), "r1", func(rec *ledger.Record) error {
					rec.Request.Notices++
					rec.Audit = append(rec.Audit, ledger.Entry{Tenant: tenant, Kind: "notice.sent"}, ledger.Entry{Tenant: tenant, Kind: "notice.read"})
					return nil
				}))
			}
		})
	}
	all.Wait()
	r, err := processes[0].Request(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, 80, r.Notices)
	require.Equal(t, int64(161), verify(t, processes[1]))
}

func TestFrozenProcessHoldsUpNobodyAndComesSecond(t *testing.T) {
	url := fresh(t)
	frozen, quick := process(t, url, nil), process(t, url, nil)
	accept(t, frozen, "r1")
	var seen []int
	require.NoError(t, frozen.Update(t.Context(), "r1", func(rec *ledger.Record) error {
		if seen = append(seen, rec.Request.Notices); len(seen) == 1 {
			assert.NoError(t, quick.Update(t.Context(), "r1", func(rec *ledger.Record) error {
				rec.Request.Notices = 7
				return nil
			}))
		}
		rec.Request.Notices++
		return nil
	}))
	require.Equal(t, []int{0, 7}, seen, "the change is asked again about what is true now")
	r, err := quick.Request(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, 8, r.Notices)
}

func TestServerEndsATransactionThatStandsStill(t *testing.T) {
	l := process(t, fresh(t), nil)
	var limit string
	require.NoError(t, l.engine.Write(t.Context(), func(ctx context.Context, tx tables.Statements) error {
		return tx.Query(ctx, func(scan func(...any) error) error { return scan(&limit) }, `SHOW idle_in_transaction_session_timeout`)
	}))
	require.Equal(t, "15s", limit)
}

func TestOvertakenInventoryIsNotTaken(t *testing.T) {
	url := fresh(t)
	slow, quick := process(t, url, nil), process(t, url, nil)
	behind, err := slow.BeginInventory(t.Context(), tenant, "run1")
	require.NoError(t, err)
	ahead, err := quick.BeginInventory(t.Context(), tenant, "run2")
	require.NoError(t, err)
	require.NoError(t, slow.AddToInventory(t.Context(), behind, []account.User{{ObjectID: "other"}}))
	require.NoError(t, quick.AddToInventory(t.Context(), ahead, []account.User{{ObjectID: "o"}}))
	_, _, err = quick.FinishInventory(t.Context(), ahead)
	require.NoError(t, err)
	require.ErrorIs(t, slow.AddToInventory(t.Context(), behind, []account.User{{ObjectID: "third"}}), ledger.ErrOvertaken)
	_, _, err = slow.FinishInventory(t.Context(), behind)
	require.ErrorIs(t, err, ledger.ErrOvertaken)
	require.Equal(t, 1, count(t, url, "inventory_users"))
}

func TestTextThatNoColumnTakes(t *testing.T) {
	l := process(t, fresh(t), nil)
	for _, odd := range []string{"zero\x00byte", "not \xff UTF-8"} {
		d := draft("r " + fmt.Sprintf("%q", odd))
		d.Request.UserPrincipalName, d.Account = odd, account.Account{}
		d.Audit[0].Text = odd
		for _, again := range []bool{false, true} {
			v, err := l.Accept(t.Context(), ledger.Keys{Delivery: odd, Business: odd, Tenant: tenant, UserPrincipalName: odd},
				func(ledger.Situation) (ledger.Draft, error) { return d, nil })
			require.NoError(t, err)
			require.Equal(t, again, v.Duplicate)
		}
	}
	require.Equal(t, int64(2), verify(t, l))
}
