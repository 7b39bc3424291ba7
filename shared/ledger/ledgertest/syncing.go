package ledgertest

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func syncing() []testCase {
	return []testCase{
		{"sync runs are kept, the newest first", runs},
		{"an inventory replaces the older one", inventoryReplaces},
		{"an unfinished inventory leaves the older one", inventoryUnfinished},
		{"the same run may store its inventory again", inventoryAgain},
		{"notes are kept", notes},
	}
}

func runs(b *bench) {
	run := ledger.SyncRun{
		RequestID: "s1", Tenant: contoso, StartedAt: epoch, FinishedAt: epoch.Add(time.Minute), Users: 5, Licensed: 2, Accounts: 1,
		Findings: []ledger.Finding{{Kind: "role.missing", AccountID: "a1", UserPrincipalName: svcScan, Target: "t", Text: "text"}},
		Withheld: "brake", Error: "page 3",
	}
	require.NoError(b, b.SaveRun(b.Context(), ledger.SyncRun{RequestID: "s1", Tenant: contoso, StartedAt: epoch}))
	require.NoError(b, b.SaveRun(b.Context(), run))
	later := ledger.SyncRun{RequestID: "s2", Tenant: contoso, StartedAt: epoch.Add(time.Hour)}
	require.NoError(b, b.SaveRun(b.Context(), later))
	require.NoError(b, b.SaveRun(b.Context(), ledger.SyncRun{RequestID: "s1", Tenant: fabrikam, StartedAt: epoch.Add(2 * time.Hour)}))

	got, err := b.Runs(b.Context(), contoso, 0)
	require.NoError(b, err)
	require.Equal(b, []ledger.SyncRun{later, run}, got)
	for limit, want := range map[int]int{1: 1, -1: 3, 0: 3} {
		got, err := b.Runs(b.Context(), "", limit)
		require.NoError(b, err)
		require.Len(b, got, want)
	}
}

// users streams n users, every third with a licence, and then the error.
func users(n int, err error) iter.Seq2[account.User, error] {
	return func(yield func(account.User, error) bool) {
		for i := range n {
			u := account.User{ObjectID: fmt.Sprint("o", i), UserPrincipalName: fmt.Sprint("u", i)}
			if i%3 == 0 {
				u.Licenses = []string{"sku-1", "sku-2"}
			}
			if !yield(u, nil) {
				return
			}
		}
		if err != nil {
			yield(account.User{}, err)
		}
	}
}

func (b *bench) inventory(want int) {
	b.Helper()
	got, err := b.InventoryCount(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, want, got)
}

func inventoryReplaces(b *bench) {
	b.inventory(0)
	for run, n := range []int{1201, 500, 0} {
		count, licensed, err := b.SaveInventory(b.Context(), contoso, fmt.Sprint("run", run), users(n, nil))
		require.NoError(b, err)
		require.Equal(b, []int{n, (n + 2) / 3}, []int{count, licensed})
		b.inventory(n)
		elsewhere, err := b.InventoryCount(b.Context(), fabrikam)
		require.NoError(b, err)
		require.Zero(b, elsewhere)
	}
}

func inventoryUnfinished(b *bench) {
	_, _, err := b.SaveInventory(b.Context(), contoso, "run1", users(10, nil))
	require.NoError(b, err)
	broken := errors.New("page 3 of 9 failed")
	_, _, err = b.SaveInventory(b.Context(), contoso, "run2", users(700, broken))
	require.ErrorIs(b, err, broken)
	b.inventory(10)
}

func inventoryAgain(b *bench) {
	for _, n := range []int{20, 10} {
		count, _, err := b.SaveInventory(b.Context(), contoso, "run1", users(n, nil))
		require.NoError(b, err)
		require.Equal(b, n, count)
	}
	_, _, err := b.SaveInventory(b.Context(), contoso, "run1", users(15, errors.New("broken")))
	require.Error(b, err)
	b.inventory(10)
}

func notes(b *bench) {
	none, err := b.Note(b.Context(), "waits")
	require.NoError(b, err)
	require.Nil(b, none)
	for _, want := range [][]byte{{0, 1, 0xff}, []byte("second")} {
		require.NoError(b, b.SetNote(b.Context(), "waits", want))
		got, err := b.Note(b.Context(), "waits")
		require.NoError(b, err)
		require.Equal(b, want, got)
	}
	require.NoError(b, b.SetNote(b.Context(), "empty", nil))
	got, err := b.Note(b.Context(), "empty")
	require.NoError(b, err)
	assert.Empty(b, got)
}
