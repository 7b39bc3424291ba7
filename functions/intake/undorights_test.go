package intake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// Nobody gets by way of a revocation that is taken back what nobody agreed to.
func TestUndoAsksForWhatWasNeverApproved(t *testing.T) {
	o := open(t)
	a := o.post(wanting(t, "1", "Mail.Read"))
	require.Equal(t, intake.Parked, a.Status, a.Reason)
	acc := o.account(o.request(a.RequestID).AccountID)
	off, err := o.Revoke(t.Context(), acc, "olga@contoso.com", "over", events.Offboard{})
	require.NoError(t, err)
	r, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	if err == nil {
		assert.Equal(t, account.Parked, account.StateOf(r))
		return
	}
	assert.Equal(t, fault.AccountBusy, fault.CodeOf(err))
	assert.Empty(t, o.request(off.ID).Cancelled)
}

// The end of what an account still has is not lifted unasked either.
func TestUndoInTimeNeverLiftsTheEndOfAGlobalAdministrator(t *testing.T) {
	o := open(t)
	on := parked(o, func(*events.Request) {})
	o.agree(on.ID)
	o.run(on.ID)
	o.now = start.AddDate(0, 0, 91)
	require.NoError(t, o.Expire(t.Context(), o.account(on.AccountID), "its end date has passed", events.Offboard{}))
	off := o.requests()[0]
	_, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	require.ErrorContains(t, err, "lifetime.expiresAt")
	assert.Empty(t, o.request(off.ID).Cancelled, "it goes on")
	assert.False(t, o.account(on.AccountID).ExpiresAt.IsZero())
}

// What still takes rights away is not stopped by an order that nobody agreed to yet.
func TestUndoThatNeedsApprovalDoesNotStopTheRemoval(t *testing.T) {
	o := open(t)
	o.run(o.accepted("onboard-kaspersky-new").ID)
	off := o.accepted("offboard-kaspersky-new")
	o.leaves(off.ID)
	_, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	assert.Equal(t, fault.AccountBusy, fault.CodeOf(err))
	require.ErrorContains(t, err, off.ID)
	assert.Empty(t, o.request(off.ID).Cancelled)

	o.now = o.now.Add(time.Minute)
	o.run(off.ID, "delete")
	r, err := o.Undo(t.Context(), off.ID, "olga@contoso.com")
	require.NoError(t, err)
	assert.Equal(t, account.Parked, account.StateOf(r))
	assert.NotEmpty(t, o.request(off.ID).Cancelled, "it was about to delete")
}

// leaves marks the rights of a request's account as on their way out.
func (o *office) leaves(id string) {
	o.t.Helper()
	require.NoError(o.t, o.ledger.Update(o.t.Context(), id, func(rec *ledger.Record) error {
		for i := range rec.Account.Grants {
			rec.Account.Grants[i].State = account.GrantLeaving
		}
		return nil
	}))
}
