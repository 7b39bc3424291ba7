package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func listing() []testCase {
	return []testCase{
		{"listings are narrowed by every filter", filters},
		{"listings have a limit", limits},
		{"what was stored outlives the engine", reopened},
	}
}

// populate stores requests r0 to r5, one an hour: even ones of contoso, odd ones of
// fabrikam, r4 and r5 done and gone.
func populate(b *bench) {
	for i := range 6 {
		d := draft(fmt.Sprint("r", i))
		d.Request.CreatedAt = epoch.Add(time.Duration(i) * time.Hour)
		d.Account.CreatedAt = d.Request.CreatedAt
		if i%2 == 1 {
			d.Request.Tenant, d.Account.Tenant = fabrikam, fabrikam
		}
		if i == 3 {
			d.Request.Action = account.Modify
		}
		name := fmt.Sprintf("Svc-%d@x.onmicrosoft.com", i/2)
		d.Request.UserPrincipalName, d.Account.UserPrincipalName = name, name
		b.accept(ledger.Keys{}, d)
	}
	b.finish("r4", account.AccountGone)
	b.finish("r5", account.AccountGone)
}

func filters(b *bench) {
	populate(b)
	for _, c := range []struct {
		name     string
		filter   ledger.Filter
		requests []string
		accounts []string
	}{
		{"all", ledger.Filter{}, []string{"r5", "r4", "r3", "r2", "r1", "r0"}, []string{"r5", "r4", "r3", "r2", "r1", "r0"}},
		{"tenant", ledger.Filter{Tenant: fabrikam}, []string{"r5", "r3", "r1"}, []string{"r5", "r3", "r1"}},
		{"name", ledger.Filter{UserPrincipalName: "sVC-1@x.onmicrosoft.com"}, []string{"r3", "r2"}, []string{"r3", "r2"}},
		{"account", ledger.Filter{AccountID: "acc-r2"}, []string{"r2"}, []string{"r2"}},
		{"actions", ledger.Filter{Actions: []account.Action{account.Modify, account.Sync}}, []string{"r3"}, []string{"r5", "r4", "r3", "r2", "r1", "r0"}},
		{"open", ledger.Filter{Open: true}, []string{"r3", "r2", "r1", "r0"}, []string{"r3", "r2", "r1", "r0"}},
		{"several", ledger.Filter{Open: true, Tenant: contoso, Limit: 1}, []string{"r2"}, []string{"r2"}},
		{"none", ledger.Filter{Tenant: "x"}, nil, nil},
	} {
		requests, err := b.Requests(b.Context(), c.filter)
		require.NoError(b, err)
		require.Equal(b, c.requests, ids(requests), c.name)
		accounts, err := b.Accounts(b.Context(), c.filter)
		require.NoError(b, err)
		var made []string
		for _, a := range accounts {
			made = append(made, a.RequestID)
		}
		require.Equal(b, c.accounts, made, c.name)
	}
}

func limits(b *bench) {
	for i := range 101 {
		b.accept(ledger.Keys{}, draft(fmt.Sprint("r", i)))
	}
	for limit, want := range map[int]int{0: 100, -1: 101, 7: 7} {
		requests, err := b.Requests(b.Context(), ledger.Filter{Limit: limit})
		require.NoError(b, err)
		require.Len(b, requests, want)
		accounts, err := b.Accounts(b.Context(), ledger.Filter{Limit: limit})
		require.NoError(b, err)
		require.Len(b, accounts, want)
	}
}

func reopened(b *bench) {
	if b.Reopen == nil {
		return
	}
	b.accept(keys("d1", "t1"), draft("r1"))
	held := ledger.Lease{Token: "t", Until: epoch}
	b.lease("r1", held)
	require.NoError(b, b.SetNote(b.Context(), "n", []byte("v")))
	require.NoError(b, b.SaveRun(b.Context(), ledger.SyncRun{RequestID: "s1", Tenant: contoso}))
	inv := b.begin("run1")
	b.add(inv, 0, 3)
	b.complete(inv, 3)

	b.Ledger = b.Reopen()
	b.unchanged()
	v, err := b.Accept(b.Context(), keys("d1", ""), always(draft("r2")))
	require.NoError(b, err)
	require.True(b, v.Duplicate)
	note, err := b.Note(b.Context(), "n")
	require.NoError(b, err)
	require.Equal(b, "v", string(note))
	kept, err := b.Runs(b.Context(), contoso, 0)
	require.NoError(b, err)
	require.Len(b, kept, 1)
	b.before(3)
	if !b.Shared {
		held = ledger.Lease{} // its holder is dead
	}
	require.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		require.Equal(b, held, rec.Lease)
		return nil
	}))
}
