package ledgertest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
)

func syncing() []testCase {
	return []testCase{
		{"sync runs are kept, the newest first", runs},
		{"notes are kept", notes},
		{"a note is swapped by who knows what lies there", swaps},
		{"of many that swap a note at once one does", rivals},
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

func swaps(b *bench) {
	for _, c := range []struct {
		name       string
		old, value []byte
		swapped    bool
		after      string
	}{
		{"something for nothing there", []byte("one"), []byte("two"), false, ""},
		{"the first", nil, []byte("one"), true, "one"},
		{"nothing for something there", nil, []byte("two"), false, "one"},
		{"another than lies there", []byte("two"), []byte("three"), false, "one"},
		{"an empty one", []byte{}, []byte("three"), false, "one"},
		{"the one that lies there", []byte("one"), []byte{0, 0xff}, true, "\x00\xff"},
		{"the same again", []byte("one"), []byte("two"), false, "\x00\xff"},
		{"to nothing", []byte{0, 0xff}, nil, true, ""},
		{"from nothing", []byte{}, []byte("four"), true, "four"},
	} {
		swapped, err := b.SwapNote(b.Context(), "link", c.old, c.value)
		require.NoError(b, err, c.name)
		require.Equal(b, c.swapped, swapped, c.name)
		got, err := b.Note(b.Context(), "link")
		require.NoError(b, err, c.name)
		require.Equal(b, c.after, string(got), c.name)
	}
}

// rivals swap the same value, first where nothing lies and then where one of theirs does.
func rivals(b *bench) {
	var old []byte
	for round := range 3 {
		var winners atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				swapped, err := b.SwapNote(b.Context(), "link", old, fmt.Appendf(nil, "%d of round %d", i, round))
				assert.NoError(b, err)
				if swapped {
					winners.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(b, 1, winners.Load())
		var err error
		old, err = b.Note(b.Context(), "link")
		require.NoError(b, err)
	}
}
