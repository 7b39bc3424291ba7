package ledgertest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
)

func noticing() []testCase {
	return []testCase{
		{"a fresh notice is kept, written down and sent", noticeRaised},
		{"a notice whose key is open changes nothing", noticeRaisedAgain},
		{"a cleared notice can be raised again", noticeCleared},
		{"notices raised and cleared with a record", noticeOfRecord},
		{"a notice that cannot be sent is not raised", noticeSendFails},
		{"a notice that lacks something is refused", noticeRefused},
		{"a notice is changed, or left as it was", noticeUpdated},
		{"the open notices come first, narrowed", noticesListed},
		{"many who raise one notice raise it once", noticesRace},
	}
}

func notice(kind, subject string) ledger.Notice {
	return ledger.Notice{
		Key: ledger.NoticeKey(kind, contoso, subject), Tenant: contoso, AccountID: subject, RequestID: "r1", Kind: kind,
		Text: "text of " + kind, Mail: []string{"jane@contoso.com"}, By: "fullsync", RaisedAt: epoch,
	}
}

func (b *bench) raise(notices ...ledger.Notice) (fresh int) {
	b.Helper()
	fresh, err := b.Raise(b.Context(), notices...)
	require.NoError(b, err)
	return fresh
}

func (b *bench) clear(key string, at time.Time) bool {
	b.Helper()
	cleared, err := b.Clear(b.Context(), key, at)
	require.NoError(b, err)
	return cleared
}

func (b *bench) notices(f ledger.NoticeFilter) []ledger.Notice {
	b.Helper()
	found, err := b.Notices(b.Context(), f)
	require.NoError(b, err)
	return found
}

func noticeRaised(b *bench) {
	n := notice("owner.gone", "a1")
	n.RaisedAt = epoch.In(time.FixedZone("", 3600)).Add(time.Nanosecond)
	require.Equal(b, 1, b.raise(n))
	n.RaisedAt = epoch
	require.Equal(b, []ledger.Notice{n}, b.notices(ledger.NoticeFilter{}))
	require.Equal(b, []string{n.ID() + "/notice-1/1"}, b.Sent())
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Equal(b, []string{"owner.gone"}, kinds(lines))
	assert.Equal(b, []string{"a1", "fullsync", "text of owner.gone"}, []string{lines[0].AccountID, lines[0].Actor, lines[0].Text})
}

func noticeRaisedAgain(b *bench) {
	first, again := notice("owner.gone", "a1"), notice("owner.gone", "a1")
	again.Text, again.RaisedAt = "other", epoch.Add(time.Hour)
	require.Equal(b, 2, b.raise(first, again, notice("owner.gone", "a2")))
	require.Zero(b, b.raise(again))
	require.Equal(b, []ledger.Notice{first}, b.notices(ledger.NoticeFilter{Key: first.Key}))
	require.Len(b, b.Sent(), 2)
	count, _, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, int64(2), count)
}

func noticeCleared(b *bench) {
	n := notice("owner.gone", "a1")
	require.False(b, b.clear(n.Key, epoch))
	b.raise(n)
	require.True(b, b.clear(n.Key, epoch.Add(time.Hour)))
	require.False(b, b.clear(n.Key, epoch.Add(2*time.Hour)), "it is over already")
	require.Equal(b, epoch.Add(time.Hour), b.notices(ledger.NoticeFilter{})[0].ClearedAt)
	require.Empty(b, b.notices(ledger.NoticeFilter{Open: true}))

	n.RaisedAt = epoch.Add(3 * time.Hour)
	require.Equal(b, 1, b.raise(n))
	require.Equal(b, []ledger.Notice{n}, b.notices(ledger.NoticeFilter{}))
	require.Len(b, b.Sent(), 2, "the second one has an id of its own")
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Equal(b, []string{"owner.gone", "notice.cleared", "owner.gone"}, kinds(lines))
}

func noticeOfRecord(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	old, fresh := notice("expiry.near", "a1"), notice("expiry.close", "a1")
	b.raise(old)
	no := errors.New("no")
	for _, fail := range []error{no, nil} {
		require.Equal(b, fail, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
			rec.Raise = append(rec.Raise, fresh)
			rec.Clear = append(rec.Clear, ledger.Clearing{Key: old.Key, At: epoch, By: "jane"})
			return fail
		}))
		require.Equal(b, fail != nil, len(b.notices(ledger.NoticeFilter{Key: fresh.Key})) == 0)
	}
	require.Equal(b, []ledger.Notice{fresh}, b.notices(ledger.NoticeFilter{Open: true}))
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Equal(b, []string{"request.accepted", "expiry.near", "notice.cleared", "expiry.close"}, kinds(lines))
	require.Equal(b, "jane", lines[2].Actor)
}

func noticeSendFails(b *bench) {
	full := errors.New("queue is full")
	b.RefuseMessages(full)
	_, err := b.Raise(b.Context(), notice("owner.gone", "a1"))
	require.ErrorIs(b, err, full)
	require.Empty(b, b.notices(ledger.NoticeFilter{}))
	b.nothing()
}

func noticeRefused(b *bench) {
	_, err := b.Raise(b.Context(), notice("owner.gone", "a1"), ledger.Notice{Key: "k", Kind: "owner.gone"})
	require.ErrorContains(b, err, "a notice lacks its tenant, text, time")
	require.Empty(b, b.notices(ledger.NoticeFilter{}), "all or none")
}

func noticeUpdated(b *bench) {
	n := notice("owner.gone", "a1")
	b.raise(n)
	no := errors.New("no")
	for _, fail := range []error{nil, no} {
		require.Equal(b, fail, b.UpdateNotice(b.Context(), n.Key, func(found *ledger.Notice) error {
			found.Delivered = append(found.Delivered, "call-back")
			return fail
		}))
	}
	n.Delivered = []string{"call-back"}
	require.Equal(b, []ledger.Notice{n}, b.notices(ledger.NoticeFilter{}))
	require.ErrorIs(b, b.UpdateNotice(b.Context(), "other", func(*ledger.Notice) error { return nil }), ledger.ErrNotFound)
}

func noticesListed(b *bench) {
	var all []ledger.Notice
	for i, subject := range []string{"a1", "a2", "a3"} {
		n := notice("owner.gone", subject)
		n.RaisedAt = epoch.Add(time.Duration(i) * time.Hour)
		all = append(all, n)
	}
	elsewhere := notice("owner.gone", "a4")
	elsewhere.Key, elsewhere.Tenant = "elsewhere", fabrikam
	b.raise(append(all, elsewhere)...)
	b.clear(all[2].Key, epoch)

	for name, c := range map[string]struct {
		filter ledger.NoticeFilter
		want   []string
	}{
		"all":     {ledger.NoticeFilter{}, []string{"a2", "a1", "a4", "a3"}},
		"open":    {ledger.NoticeFilter{Open: true, Tenant: contoso}, []string{"a2", "a1"}},
		"account": {ledger.NoticeFilter{AccountID: "a3"}, []string{"a3"}},
		"limit":   {ledger.NoticeFilter{Limit: 1}, []string{"a2"}},
	} {
		var got []string
		for _, n := range b.notices(c.filter) {
			got = append(got, n.AccountID)
		}
		assert.Equal(b, c.want, got, name)
	}
}

func noticesRace(b *bench) {
	var (
		both  sync.WaitGroup
		fresh atomic.Int64
	)
	for range 4 {
		both.Go(func() {
			n, err := b.Raise(b.Context(), notice("owner.gone", "a1"))
			assert.NoError(b, err)
			fresh.Add(int64(n))
		})
	}
	both.Wait()
	require.Equal(b, int64(1), fresh.Load())
	require.Len(b, b.Sent(), 1)
}
