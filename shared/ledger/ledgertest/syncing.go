package ledgertest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
)

func syncing() []testCase {
	return []testCase{
		{"sync runs are kept, the newest first", runs},
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
