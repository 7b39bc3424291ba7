package ledgertest

import (
	"encoding/json"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func inventories() []testCase {
	return []testCase{
		{"an inventory replaces the older one", inventoryReplaces},
		{"an unfinished inventory does not show", inventoryUnfinished},
		{"an inventory goes on in another process", inventoryGoesOn},
		{"finishing an inventory again changes nothing", inventoryFinishedAgain},
		{"the same run compares with what was before it", inventorySameRun},
		{"of two inventories the first to finish stays", inventoryOvertaken},
		{"tenants do not meet in an inventory", inventoryTenants},
	}
}

// users are the users from one number up to another, every third with licences.
func users(from, to int) (page []account.User) {
	for i := from; i < to; i++ {
		u := account.User{ObjectID: fmt.Sprint("o", i), UserPrincipalName: fmt.Sprint("u", i)}
		if i%3 == 0 {
			u.Licenses = []string{"sku-1", "sku-2"}
		}
		page = append(page, u)
	}
	return page
}

func (b *bench) begin(run string) ledger.Inventory {
	b.Helper()
	inv, err := b.BeginInventory(b.Context(), contoso, run)
	require.NoError(b, err)
	assert.Equal(b, contoso, inv.Tenant)
	assert.Equal(b, run, inv.Run)
	return inv
}

func (b *bench) add(inv ledger.Inventory, from, to int) {
	b.Helper()
	require.NoError(b, b.AddToInventory(b.Context(), inv, users(from, to)))
}

// complete expects an inventory of the first so many users.
func (b *bench) complete(inv ledger.Inventory, want int) {
	b.Helper()
	count, licensed, err := b.FinishInventory(b.Context(), inv)
	require.NoError(b, err)
	require.Equal(b, []int{want, (want + 2) / 3}, []int{count, licensed})
}

// before expects that so many users show to a run that begins now.
func (b *bench) before(want int) {
	b.Helper()
	require.Equal(b, want, b.begin("whoever looks").UsersBefore)
}

func inventoryReplaces(b *bench) {
	b.before(0)
	for run, n := range []int{1201, 500, 0} {
		inv := b.begin(fmt.Sprint("run", run))
		b.add(inv, 0, n/2)
		b.add(inv, n/2, n)
		b.complete(inv, n)
		b.before(n)
	}
}

func inventoryUnfinished(b *bench) {
	first := b.begin("run1")
	b.add(first, 0, 10)
	b.complete(first, 10)
	b.add(b.begin("run2"), 0, 700)
	b.before(10)
	third := b.begin("run3")
	b.add(third, 0, 20)
	b.complete(third, 20)
}

// A page may come twice, from an attempt that died after it was stored.
func inventoryGoesOn(b *bench) {
	inv := b.begin("run1")
	b.add(inv, 0, 15)
	kept, err := json.Marshal(inv)
	require.NoError(b, err)
	if b.Reopen != nil {
		b.Ledger = b.Reopen()
	}
	inv = ledger.Inventory{}
	require.NoError(b, json.Unmarshal(kept, &inv))
	b.add(inv, 10, 20)
	b.before(0)
	b.complete(inv, 20)
	b.before(20)
}

func inventoryFinishedAgain(b *bench) {
	inv := b.begin("run1")
	b.add(inv, 0, 12)
	b.complete(inv, 12)
	b.add(inv, 6, 12)
	b.complete(inv, 12)
	b.before(12)
}

// A run that failed after its inventory was stored must not compare the tenant with
// itself when it is tried again.
func inventorySameRun(b *bench) {
	inv := b.begin("run1")
	b.add(inv, 0, 100)
	b.complete(inv, 100)
	for range 2 {
		inv = b.begin("run2")
		require.Equal(b, 100, inv.UsersBefore)
		b.add(inv, 0, 10)
		b.complete(inv, 10)
	}
	b.before(10)
}

func inventoryOvertaken(b *bench) {
	slow, fast := b.begin("slow"), b.begin("fast")
	b.add(slow, 0, 5)
	b.add(fast, 0, 9)
	b.add(slow, 5, 10)
	b.complete(fast, 9)
	require.ErrorIs(b, b.AddToInventory(b.Context(), slow, users(10, 15)), ledger.ErrOvertaken)
	_, _, err := b.FinishInventory(b.Context(), slow)
	require.ErrorIs(b, err, ledger.ErrOvertaken)
	b.complete(fast, 9)
	b.before(9)
}

func inventoryTenants(b *bench) {
	ours := b.begin("run1")
	b.add(ours, 0, 5)
	theirs, err := b.BeginInventory(b.Context(), fabrikam, "run1")
	require.NoError(b, err)
	require.NoError(b, b.AddToInventory(b.Context(), theirs, users(0, 7)))
	count, _, err := b.FinishInventory(b.Context(), theirs)
	require.NoError(b, err)
	require.Equal(b, 7, count)
	b.complete(ours, 5)
}
