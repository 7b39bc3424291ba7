package fullsync_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/fullsync"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

const (
	operators = "it@contoso.com"
	jane      = "jane@contoso.com"
)

// night runs the sync so many days after the first one, and gives the open notices as
// "kind to whom".
func (b *bench) night(t *testing.T, day int) (run ledger.SyncRun, notices []string) {
	t.Helper()
	b.task.Now = now.AddDate(0, 0, day)
	b.task.Request.ID = fmt.Sprint("sync-", day)
	b.task.Args.Run = b.task.Request.ID
	run, err := b.run(t)
	require.NoError(t, err)
	open, err := b.ledger.Notices(t.Context(), ledger.NoticeFilter{Open: true})
	require.NoError(t, err)
	for _, n := range open {
		notices = append(notices, n.Kind+" to "+strings.Join(n.Mail, ","))
	}
	return run, notices
}

func TestNoticesBeforeTheEnd(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "one", func(a *account.Account) { a.ExpiresAt, a.Life.GraceDays = now.AddDate(0, 0, 20), 7 })
	for _, tt := range []struct {
		day     int
		notices []string
		mails   int
	}{
		{0, nil, 0}, {5, nil, 0}, {6, []string{"expiry.near to " + jane}, 1}, {7, []string{"expiry.near to " + jane}, 1},
		{17, []string{"expiry.close to " + jane}, 2}, {19, []string{"expiry.close to " + jane}, 2},
	} {
		_, notices := b.night(t, tt.day)
		assert.Equal(t, tt.notices, notices, "day %d", tt.day)
		assert.Len(t, b.outbox.sent, tt.mails, "one message a notice")
		assert.Empty(t, b.desk.expired)
	}
	run, _ := b.night(t, 20)
	assert.Equal(t, []string{fullsync.AccountExpired}, kinds(run.Findings))
	assert.Equal(t, []events.Offboard{{GraceDays: 7}}, b.desk.how)
}

// What a request gave before it came to a stop ends with the date that was agreed to, too.
func TestTheEndComesForWhatIsNotFinished(t *testing.T) {
	b := setup(t)
	unfinished := func(end time.Time) func(*account.Account) {
		return func(a *account.Account) { a.State, a.ExpiresAt = account.AccountPlanned, end }
	}
	b.onboarded(t, "over", unfinished(now.AddDate(0, 0, 20)))
	b.onboarded(t, "longer", unfinished(now.AddDate(0, 0, 40)))
	b.onboarded(t, "endless", unfinished(time.Time{}))
	_, notices := b.night(t, 19)
	assert.Empty(t, notices, "its request says how it stands")
	assert.Empty(t, b.desk.expired)
	b.night(t, 20)
	assert.Equal(t, []string{"acc-over"}, b.desk.expired)
}

func TestAnOwnerWhoIsGone(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "one", nothing)
	b.onboarded(t, "two", nothing)
	id := b.tenant.Put(account.User{UserPrincipalName: "jane.doe@contoso.onmicrosoft.com", Mail: "Jane@contoso.com", Enabled: true})
	run, notices := b.night(t, 0)
	assert.Empty(t, run.Findings)
	assert.Empty(t, notices)

	require.NoError(t, b.tenant.SetEnabled(t.Context(), "tid", id, false))
	run, notices = b.night(t, 1)
	assert.Equal(t, []string{fullsync.OwnerGone, fullsync.OwnerGone}, kinds(run.Findings))
	assert.Equal(t, []string{"owner.gone to " + operators, "owner.gone to " + operators}, notices)
	_, notices = b.night(t, 30)
	assert.Len(t, notices, 2)
	assert.Len(t, b.outbox.sent, 2, "told once")
	assert.Empty(t, b.desk.expired, "the grace runs")

	require.NoError(t, b.tenant.SetEnabled(t.Context(), "tid", id, true))
	run, notices = b.night(t, 31)
	assert.Empty(t, run.Findings)
	assert.Empty(t, notices, "the owner is back")
	require.NoError(t, b.tenant.DeleteUser(t.Context(), "tid", id))
	b.night(t, 32)
	b.night(t, 62)
	assert.ElementsMatch(t, []string{"acc-one", "acc-two"}, b.desk.expired)
	assert.Equal(t, []events.Offboard{{Mode: "disable"}, {Mode: "disable"}}, b.desk.how, "never deleted silently")
}

func TestAnOwnerIsLookedForOnce(t *testing.T) {
	b := setup(t)
	for i := range 5 {
		b.onboarded(t, fmt.Sprint("svc", i), nothing)
	}
	calls := len(b.tenant.Calls())
	b.night(t, 0)
	assert.Equal(t, 1, strings.Count(strings.Join(b.tenant.Calls()[calls:], " ")+" ", "User "))
}

func TestAnOwnerWhoCannotBeSeenIsNotGone(t *testing.T) {
	seenOnce := func(a *account.Account) { a.Life.Owner, a.Life.OwnerSeen = jane, true }
	t.Run("TheLookFails", func(t *testing.T) {
		b := setup(t)
		b.onboarded(t, "one", seenOnce)
		b.tenant.Before = func(asked string) error {
			if asked == "User" {
				return errors.New("timeout")
			}
			return nil
		}
		run, notices := b.night(t, 0)
		assert.Empty(t, run.Findings)
		assert.Empty(t, notices)
	})
	t.Run("TheBrakeHolds", func(t *testing.T) {
		b := setup(t)
		b.inventory(t, "sync-x", 100)
		b.onboarded(t, "one", seenOnce)
		b.onboarded(t, "gone", func(a *account.Account) {
			seenOnce(a)
			a.Life.OwnerGone = now.AddDate(0, 0, -40)
		})
		run, notices := b.night(t, 0)
		assert.NotEmpty(t, run.Withheld)
		assert.Empty(t, notices)
		assert.Empty(t, b.desk.expired)
	})
}

func TestReview(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "one", func(a *account.Account) { a.Life.ReviewAt = now.AddDate(0, 0, 3) })
	b.onboarded(t, "nobodys", func(a *account.Account) { a.Owner, a.Life.ReviewAt = account.Owner{}, now.AddDate(0, 0, 9) })
	run, notices := b.night(t, 2)
	assert.Empty(t, notices)
	assert.Equal(t, []string{fullsync.OwnerMissing}, kinds(run.Findings))
	run, notices = b.night(t, 4)
	assert.Equal(t, []string{"review.due to " + jane}, notices)
	assert.ElementsMatch(t, []string{fullsync.OwnerMissing, fullsync.ReviewOverdue}, kinds(run.Findings))
	_, notices = b.night(t, 9)
	assert.ElementsMatch(t, []string{"review.due to " + jane, "review.due to " + operators}, notices)
}

func TestAnAccountThatHasNotBegunIsLeftAlone(t *testing.T) {
	b := setup(t)
	b.onboarded(t, "one", func(a *account.Account) { a.Life.StartsAt, a.ExpiresAt = now.AddDate(0, 0, 2), now.AddDate(0, 0, 3) })
	_, notices := b.night(t, 1)
	assert.Empty(t, notices)
}

func TestANoticeIsWrittenDownWithTheAccount(t *testing.T) {
	b := setup(t)
	a := b.onboarded(t, "one", func(a *account.Account) { a.ExpiresAt = now.Add(48 * time.Hour) })
	b.night(t, 0)
	lines, err := b.ledger.Timeline(context.Background(), a.RequestID)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	assert.Equal(t, []string{"expiry.close", events.FullSync, a.ID}, []string{lines[0].Kind, lines[0].Actor, lines[0].AccountID})
	assert.Contains(t, lines[0].Text, "one@contoso.onmicrosoft.com: the account expires on 2026-11-23, in 2 days: 'usher extend' makes it longer")
}
