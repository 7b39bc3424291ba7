package intake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// left gives an office with an account that was offboarded, but for the steps named.
func left(t *testing.T, but ...string) (*office, account.Request) {
	o := open(t)
	o.run(o.accepted("onboard-sam360").ID)
	off := o.accepted("offboard-sam360")
	o.now = o.now.Add(time.Minute)
	o.run(off.ID, but...)
	o.sent.take()
	return o, o.request(off.ID)
}

func TestUndo(t *testing.T) {
	o, off := left(t)
	r, err := o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	assert.Equal(t, account.Restore, r.Action)
	assert.Equal(t, off.ID, r.Undoes)
	assert.Equal(t, off.Ticket, r.Ticket)
	assert.Equal(t, []string{"notify " + r.ID + "/notice-1/1", "revoke " + r.ID + "/restore/1"}, o.sent.take())
	acc := o.account(off.AccountID)
	assert.Equal(t, account.AccountPlanned, acc.State)
	for _, g := range acc.Grants {
		assert.Equal(t, account.GrantPlanned, g.State)
	}
	again, err := o.Undo(t.Context(), off.ID, "Otto")
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID, "it is under way")
	o.run(r.ID)
	_, err = o.Undo(t.Context(), off.ID, "Otto")
	require.ErrorContains(t, err, "taken back")
}

func TestUndoWithinTheGrace(t *testing.T) {
	o, off := left(t, "delete")
	require.False(t, account.StateOf(off).Terminal())
	r, err := o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	assert.Equal(t, "enable", r.Steps[0].Name, "nothing was deleted")
	assert.Contains(t, o.request(off.ID).Cancelled, r.ID, "and nothing will be")
	_, err = o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	o.run(r.ID)
	_, err = o.Undo(t.Context(), off.ID, "Olga")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
}

func TestUndoBeforeAnythingHappened(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	o.run(on.ID)
	off := o.accepted("offboard-sam360")
	r, err := o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	assert.Equal(t, account.Cancelled, account.StateOf(o.request(off.ID)))
	for _, s := range r.Steps {
		assert.NotEqual(t, events.Revoke, s.Function, "there is nothing to restore or to enable, only rights to make sure of")
	}
	o.run(r.ID)
	assert.Equal(t, account.AccountActive, o.account(on.AccountID).State)
}

func TestUndoRefuses(t *testing.T) {
	o, off := left(t)
	_, err := o.Undo(t.Context(), "req-none", "Olga")
	require.ErrorIs(t, err, ledger.ErrNotFound)
	_, err = o.Undo(t.Context(), off.ID, "")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	o.now = o.now.Add(30 * 24 * time.Hour)
	_, err = o.Undo(t.Context(), off.ID, "Olga")
	assert.Equal(t, fault.RestoreWindowOver, fault.CodeOf(err))
	again := request(t, "onboard-sam360")
	again.Rerun = 1
	on := o.post(again)
	_, err = o.Undo(t.Context(), off.ID, "Olga")
	assert.Equal(t, fault.AlreadyManaged, fault.CodeOf(err), "the name belongs to another account now")
	_, err = o.Undo(t.Context(), on.RequestID, "Olga")
	require.ErrorContains(t, err, "no offboarding")
}

func TestUndoOnlyTheLatestOffboarding(t *testing.T) {
	o, first := left(t)
	r, err := o.Undo(t.Context(), first.ID, "Olga")
	require.NoError(t, err)
	o.run(r.ID)
	o.now = o.now.Add(time.Hour)
	second, err := o.Revoke(t.Context(), o.account(first.AccountID), "Olga", "", events.Offboard{})
	require.NoError(t, err)
	_, err = o.Undo(t.Context(), first.ID, "Olga")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err), "the second is under way")
	o.run(second.ID)
	_, err = o.Undo(t.Context(), first.ID, "Olga")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	_, err = o.Undo(t.Context(), second.ID, "Olga")
	require.NoError(t, err)
}

func TestUndoOfAnExpiredAccountLiftsItsEnd(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.Lifetime.ExpiresAt = start.Add(time.Hour)
	on := o.request(o.post(req).RequestID)
	o.run(on.ID)
	o.now = start.Add(2 * time.Hour)
	require.NoError(t, o.Expire(t.Context(), o.account(on.AccountID), "its end date has passed", events.Offboard{}))
	off := o.requests()[0]
	o.run(off.ID)
	r, err := o.Undo(t.Context(), off.ID, "Olga")
	require.NoError(t, err)
	assert.True(t, o.account(on.AccountID).ExpiresAt.IsZero(), "or the next sync would take it away again")
	assert.Contains(t, o.kinds(r.ID), "expiry.lifted")
}

func TestUndoAfterAPurge(t *testing.T) {
	o := open(t)
	o.run(o.accepted("onboard-sam360").ID)
	req := request(t, "offboard-sam360")
	req.Offboard.Purge = true
	off := o.post(req)
	o.run(off.RequestID)
	_, err := o.Undo(t.Context(), off.RequestID, "Olga")
	assert.Equal(t, fault.RestoreWindowOver, fault.CodeOf(err))
}

func TestUndoOfAGlobalAdministratorNeedsAnApproval(t *testing.T) {
	o := open(t)
	on := parked(o, func(*events.Request) {})
	o.agree(on.ID)
	o.run(on.ID)
	off := o.accepted("offboard-practice-protect-federation")
	o.run(off.ID)
	r, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Parked, account.StateOf(r))
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "olga@contoso.com"})
	assert.Equal(t, fault.ApprovalMissing, fault.CodeOf(err), "who asked for the undo")
	for _, by := range []string{"sven@contoso.com", "bea@contoso.com"} {
		r, err = o.Approve(t.Context(), r.ID, account.Approval{By: by})
		require.NoError(t, err)
	}
	assert.Equal(t, "restore", r.Next().Name)
}

func TestUndoNeverLiftsTheEndOfAGlobalAdministrator(t *testing.T) {
	o := open(t)
	on := parked(o, func(*events.Request) {})
	o.agree(on.ID)
	o.run(on.ID)
	o.now = start.AddDate(0, 0, 91)
	require.NoError(t, o.Expire(t.Context(), o.account(on.AccountID), "its end date has passed", events.Offboard{}))
	off := o.requests()[0]
	o.run(off.ID)
	_, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	assert.ErrorContains(t, err, "lifetime.expiresAt")
}
