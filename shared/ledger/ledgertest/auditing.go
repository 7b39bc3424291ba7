package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

func auditing() []testCase {
	tampered := func(how Tampering, seq int64) func(*bench) {
		return func(b *bench) { showsTampering(b, how, seq) }
	}
	return []testCase{
		{"the audit log is one chain per tenant", chains},
		{"an audit entry survives in every field", everyEntryField},
		{"entries are appended all or none", appendAllOrNone},
		{"a tenant without entries verifies", verifyNothing},
		{"a changed entry shows", tampered(ChangeEntry, 3)},
		{"a removed entry shows", tampered(RemoveEntry, 4)},
		{"reordered entries show", tampered(SwapEntries, 3)},
		{"a cut tail shows", tampered(CutTail, 4)},
		{"a removed chain shows", tampered(CutAll, 1)},
	}
}

const fabrikam account.TenantID = "22222222-2222-2222-2222-222222222222"

func chains(b *bench) {
	other := entry("role.assigned", "r9")
	other.Tenant = fabrikam
	require.NoError(b, b.Append(b.Context(), entry("a.done", "r1"), other, entry("b.done", "r2")))
	require.NoError(b, b.Append(b.Context(), entry("c.done", "r1")))
	tenants, err := b.AuditTenants(b.Context())
	require.NoError(b, err)
	require.Equal(b, []account.TenantID{contoso, fabrikam}, tenants)
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Equal(b, []string{"a.done", "c.done"}, kinds(lines))
	between, err := b.Timeline(b.Context(), "r2")
	require.NoError(b, err)
	var last ledger.Entry
	for _, e := range []ledger.Entry{lines[0], between[0], lines[1]} {
		require.NoError(b, ledger.Link(last, e))
		last = e
	}
	count, head, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, []any{int64(3), last.Hash}, []any{count, head})
}

func everyEntryField(b *bench) {
	want := ledger.Entry{
		Tenant: contoso, At: epoch.Add(789 * time.Nanosecond), Kind: "role.assigned", RequestID: "r1", AccountID: "a1",
		Actor: "assignrole", Text: `"<ü>"`, Data: []byte(`{"role": "<x>", "n": 1.50}`),
	}
	require.NoError(b, b.Append(b.Context(), want, ledger.Entry{Tenant: contoso}))
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Len(b, lines, 1)
	got := lines[0]
	require.JSONEq(b, string(want.Data), string(got.Data))
	want.At = want.At.Truncate(time.Microsecond)
	want.Data, want.Seq, want.Prev, want.Hash = got.Data, 1, "", got.Hash
	require.Equal(b, want, got)
	_, _, err = b.Verify(b.Context(), contoso)
	require.NoError(b, err, "an entry without a time is sound, too")
}

func appendAllOrNone(b *bench) {
	bad := entry("b.done", "r1")
	bad.Data = []byte("{")
	require.Error(b, b.Append(b.Context(), entry("a.done", "r1"), bad))
	b.nothing()
}

func verifyNothing(b *bench) {
	count, head, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, []any{int64(0), ""}, []any{count, head})
}

func showsTampering(b *bench, how Tampering, seq int64) {
	for i := range 5 {
		require.NoError(b, b.Append(b.Context(), entry(fmt.Sprintf("step%d.done", i), "r1")))
	}
	_, _, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	b.Tamper(contoso, how)
	_, _, err = b.Verify(b.Context(), contoso)
	var broken *ledger.BrokenChain
	require.ErrorAs(b, err, &broken)
	assert.Equal(b, seq, broken.Seq, broken.What)
	assert.NotEmpty(b, broken.What)
}
