package ledgertest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

func accepting() []testCase {
	return []testCase{
		{"an accepted request is stored with all that belongs to it", acceptStores},
		{"a repeated delivery is the first request", func(b *bench) { duplicate(b, keys("d1", "t1"), keys("d1", "t2")) }},
		{"a repeated ticket is the first request", func(b *bench) { duplicate(b, keys("d1", "t1"), keys("d2", "t1")) }},
		{"empty keys are no keys", emptyKeys},
		{"the delivery of a repeated ticket is remembered", remembersDelivery},
		{"fifty deliveries at once are one request", fiftyAtOnce},
		{"a refused request is stored, and its repetition is told the same", refusedIsStored},
		{"an error of the decision leaves nothing", decisionFails},
		{"an error while storing leaves nothing", storingFails},
		{"a message that cannot be sent leaves nothing", sendingFails},
		{"the decision sees the account and what is open", situation},
		{"without a name the decision sees the open requests of that kind", situationNameless},
		{"a draft overtakes other requests", cancels},
		{"a draft that overtakes an unknown request is an error", cancelsUnknown},
		{"a draft keeps the lease of an account that is worked on", keepsLease},
	}
}

func acceptStores(b *bench) {
	d := draft("r1")
	got := b.accept(keys("d1", "t1"), d)
	require.Equal(b, d.Request, got)
	require.Equal(b, d.Request, b.request("r1"))
	require.Equal(b, d.Account, b.account("acc-r1"))
	require.Equal(b, []string{"r1/create/1"}, b.Sent())
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Len(b, lines, 1)
	assert.Equal(b, "request.accepted", lines[0].Kind)
	assert.Equal(b, int64(1), lines[0].Seq)
}

func duplicate(b *bench, first, second ledger.Keys) {
	b.accept(first, draft("r1"))
	v, err := b.Accept(b.Context(), second, func(ledger.Situation) (ledger.Draft, error) {
		b.Error("the decision was asked about a duplicate")
		return draft("r2"), nil
	})
	require.NoError(b, err)
	require.True(b, v.Duplicate)
	require.Equal(b, b.request("r1"), v.Request)
	require.Equal(b, []string{"r1/create/1"}, b.Sent())
}

func emptyKeys(b *bench) {
	for i := range 3 {
		b.accept(ledger.Keys{Tenant: contoso}, draft(fmt.Sprint("r", i)))
	}
}

func remembersDelivery(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	for _, k := range []ledger.Keys{keys("d2", "t1"), keys("d2", ""), keys("d2", "t9")} {
		v, err := b.Accept(b.Context(), k, always(draft("r2")))
		require.NoError(b, err)
		require.True(b, v.Duplicate)
		require.Equal(b, "r1", v.Request.ID)
	}
}

func fiftyAtOnce(b *bench) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		first = map[bool]int{}
		ids   = map[string]bool{}
	)
	for i := range 50 {
		all.Go(func() {
			v, err := b.Accept(b.Context(), keys(fmt.Sprint("d", i), "t1"), always(draft(fmt.Sprint("r", i))))
			assert.NoError(b, err)
			mu.Lock()
			defer mu.Unlock()
			first[!v.Duplicate]++
			ids[v.Request.ID] = true
		})
	}
	all.Wait()
	require.Equal(b, map[bool]int{true: 1, false: 49}, first)
	require.Len(b, ids, 1)
	accounts, err := b.Accounts(b.Context(), ledger.Filter{})
	require.NoError(b, err)
	require.Len(b, accounts, 1)
	require.Len(b, b.Sent(), 1)
}

func refusedIsStored(b *bench) {
	refused := ledger.Draft{Record: ledger.Record{Request: account.Request{
		ID: "r1", Tenant: contoso, Action: account.Onboard, Refused: "no such profile", RefusedCode: "unknown-profile", CreatedAt: epoch,
	}}}
	b.accept(keys("d1", "t1"), refused)
	v, err := b.Accept(b.Context(), keys("d1", "t1"), always(draft("r2")))
	require.NoError(b, err)
	require.True(b, v.Duplicate)
	require.Equal(b, refused.Request, v.Request)
}

func decisionFails(b *bench) {
	no := errors.New("no")
	_, err := b.Accept(b.Context(), keys("d1", "t1"), func(ledger.Situation) (ledger.Draft, error) { return draft("r1"), no })
	require.Same(b, no, err)
	b.nothing()
	b.accept(keys("d1", "t1"), draft("r1")) // the keys were not taken
}

func storingFails(b *bench) {
	for what, spoil := range map[string]func(*ledger.Draft){
		"no id":          func(d *ledger.Draft) { d.Request.ID = "" },
		"bad arguments":  func(d *ledger.Draft) { d.Request.Steps[0].Args = []byte("{") },
		"bad audit data": func(d *ledger.Draft) { d.Audit[0].Data = []byte("{") },
		"bad message":    func(d *ledger.Draft) { d.Send = append(d.Send, ledger.Outgoing{Queue: "create"}) },
	} {
		d := draft("r1")
		spoil(&d)
		_, err := b.Accept(b.Context(), keys("d1", "t1"), always(d))
		require.Error(b, err, what)
		b.nothing()
	}
	b.accept(keys("d1", "t1"), draft("r1"))
	_, err := b.Accept(b.Context(), keys("d2", "t2"), always(draft("r1")))
	require.Error(b, err, "a request is not stored over another one")
}

func sendingFails(b *bench) {
	full := errors.New("queue is full")
	b.RefuseMessages(full)
	_, err := b.Accept(b.Context(), keys("d1", "t1"), always(draft("r1")))
	require.ErrorIs(b, err, full)
	b.nothing()
}

func situation(b *bench) {
	look := func(want func(ledger.Situation)) {
		b.Helper()
		stop := errors.New("only looking")
		k := keys("", "")
		k.UserPrincipalName = "SVC-Scan@Contoso.onmicrosoft.com"
		_, err := b.Accept(b.Context(), k, func(s ledger.Situation) (ledger.Draft, error) {
			want(s)
			return ledger.Draft{}, stop
		})
		require.Same(b, stop, err)
	}
	look(func(s ledger.Situation) { require.Zero(b, s) })

	b.accept(keys("d1", "t1"), draft("r1"))
	look(func(s ledger.Situation) {
		require.Equal(b, b0(s.Account), draft("r1").Account)
		require.Nil(b, s.Last)
		require.Len(b, s.Open, 1)
		require.Equal(b, "r1", s.Open[0].ID)
	})

	b.finish("r1", account.AccountGone)
	look(func(s ledger.Situation) {
		require.Nil(b, s.Account)
		require.Equal(b, "acc-r1", b0(s.Last).ID)
		require.Empty(b, s.Open, "r1 is done")
	})

	second := draft("r2")
	second.Account.CreatedAt = epoch.Add(time.Hour)
	b.accept(keys("d2", "t2"), second)
	third := draft("r3")
	third.Request.Action, third.Request.AccountID, third.Account = account.Offboard, "acc-r2", second.Account
	third.Request.CreatedAt = epoch.Add(time.Hour)
	b.accept(keys("d3", "t3"), third)
	look(func(s ledger.Situation) {
		require.Equal(b, "acc-r2", b0(s.Account).ID)
		require.Equal(b, "acc-r1", b0(s.Last).ID)
		require.Equal(b, []string{"r3", "r2"}, ids(s.Open), "the newest first")
	})
}

func b0(a *account.Account) account.Account {
	if a == nil {
		return account.Account{}
	}
	return *a
}

// finish ends a request and leaves its account in the given state.
func (b *bench) finish(id string, state account.AccountState) {
	b.Helper()
	require.NoError(b, b.Update(b.Context(), id, func(rec *ledger.Record) error {
		for i := range rec.Request.Steps {
			rec.Request.Steps[i].State = account.StepDone
		}
		rec.Account.State = state
		return nil
	}))
}

func ids(requests []account.Request) (all []string) {
	for _, r := range requests {
		all = append(all, r.ID)
	}
	return all
}

func situationNameless(b *bench) {
	nameless := func(id string, action account.Action) ledger.Draft {
		d := draft(id)
		d.Request.UserPrincipalName, d.Request.AccountID, d.Request.Action, d.Account = "", "", action, account.Account{}
		return d
	}
	b.accept(keys("", ""), draft("named"))
	b.accept(ledger.Keys{}, nameless("sync", account.Sync))
	b.accept(ledger.Keys{}, nameless("other", account.Modify))
	_, err := b.Accept(b.Context(), ledger.Keys{Tenant: contoso, Action: account.Sync}, func(s ledger.Situation) (ledger.Draft, error) {
		require.Nil(b, s.Account)
		require.Equal(b, []string{"sync"}, ids(s.Open))
		return nameless("sync2", account.Sync), nil
	})
	require.NoError(b, err)
}

func cancels(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	off := draft("r2")
	off.Cancel, off.Why = []string{"r1"}, "offboarding r2"
	b.accept(keys("d2", "t2"), off)
	again := draft("r3")
	again.Cancel, again.Why = []string{"r1", "r2"}, "r3"
	b.accept(keys("d3", "t3"), again)
	require.Equal(b, "offboarding r2", b.request("r1").Cancelled, "the first reason stays")
	require.Equal(b, "r3", b.request("r2").Cancelled)
	open, err := b.Requests(b.Context(), ledger.Filter{Open: true})
	require.NoError(b, err)
	require.Equal(b, []string{"r3"}, ids(open))
}

func cancelsUnknown(b *bench) {
	d := draft("r1")
	d.Cancel = []string{"r0"}
	_, err := b.Accept(b.Context(), keys("d1", "t1"), always(d))
	require.ErrorIs(b, err, ledger.ErrNotFound)
	b.nothing()
}

func keepsLease(b *bench) {
	lease := ledger.Lease{Token: "t", Until: epoch.Add(time.Minute)}
	b.accept(keys("d1", "t1"), draft("r1"))
	b.lease("r1", lease)
	off := draft("r2")
	off.Request.AccountID, off.Account.ID = "acc-r1", "acc-r1"
	off.Account.State = account.AccountLeaving
	off.Send[0].Message = queue.Message{ID: "r2/revoke/1"}
	b.accept(keys("d2", "t2"), off)
	require.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		assert.Equal(b, lease, rec.Lease)
		assert.Equal(b, account.AccountLeaving, rec.Account.State)
		return nil
	}))
}

func (b *bench) lease(request string, lease ledger.Lease) {
	b.Helper()
	require.NoError(b, b.Update(b.Context(), request, func(rec *ledger.Record) error {
		rec.Lease = lease
		return nil
	}))
}
