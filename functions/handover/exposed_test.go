package handover_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// exposed is a world whose hand-over failed while the account's roles were in the way of
// another password.
func exposed(t *testing.T, args events.HandOverArgs) *world {
	w := newWorld(t, args)
	w.privileged = true
	w.lose()
	assert.Equal(t, "first", w.password)
	assert.NotZero(t, w.task.Account.Password.ExposedAt, "the nightly sync sets another")
	assert.Empty(t, w.task.Account.Password.NextRef)
	assert.Equal(t, map[string]string{oldRef: "first"}, w.vault, "one that was not set is not kept")
	return w
}

// lose begins a hand-over whose status is given up.
func (w *world) lose() {
	w.t.Helper()
	_, err := w.settle()
	require.True(w.t, fault.Is(err, fault.HandoverNotTaken), err)
	w.take()
	w.task.Request.Lost = append(w.task.Request.Lost, w.task.Request.Notices)
	_, err = w.settle()
	require.True(w.t, fault.Is(err, fault.HandoverFailed), err)
	assert.True(w.t, handover.Policy.Park(fault.HandoverFailed), "a person says when to go on")
}

// rotated is what a rotation leaves.
func (w *world) rotated(by string) {
	a := &w.task.Account
	w.password, w.vault = "second", map[string]string{"file:tenant/second": "second"}
	a.SecretRef, a.Password.SetBy, a.Password.SetAt = "file:tenant/second", by, w.now
	a.Password.ExposedAt = time.Time{}
}

func TestAnAdministratorsLostPasswordIsNotHandedOverAgain(t *testing.T) {
	for _, args := range []events.HandOverArgs{byAge, byLink} {
		w := exposed(t, args)
		for range 2 {
			_, err := w.settle()
			require.True(t, fault.Is(err, fault.HandoverFailed), err)
			assert.Contains(t, err.Error(), "usher rotate svc@contoso.com")
			assert.Len(t, w.told, 1, "approving it does not send the same password again")
		}
		w.rotated("req-2")
		_, err := w.settle()
		require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
		require.Len(t, w.told, 2)
		assert.Equal(t, "acc-1-2", w.told[1].Handover)
		w.take()
		_, err = w.settle()
		require.NoError(t, err)
	}
}

// A step that failed for good forgets where it stood, and its replay must not begin with
// the password that somebody may have seen.
func TestALostPasswordThatCannotBeSetAnewIsNotHandedOverByAReplay(t *testing.T) {
	w := newWorld(t, byAge)
	w.setErr = fault.Stopf(fault.UserNotFound, "gone for a while")
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
	w.take()
	w.task.Request.Lost = append(w.task.Request.Lost, w.task.Request.Notices)
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.UserNotFound), err)
	assert.NotZero(t, w.task.Account.Password.ExposedAt, "the nightly sync sets another")

	w.task.Step.Checkpoint = nil
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.HandoverFailed), err)
	assert.Len(t, w.told, 1)
}

func TestARotationThatHandedOverLeavesNothingToHandOver(t *testing.T) {
	w := exposed(t, byAge)
	w.rotated("req-2")
	w.task.Account.Password.Handovers++
	w.task.Account.SecretRef = ""
	res, err := w.settle()
	require.NoError(t, err)
	assert.Contains(t, res.Detail, "req-2")
	assert.Len(t, w.told, 1)
}

// A rotation whose own hand-over failed hands over what the rotation after it has set.
func TestALostRotationHandsOverTheNextPassword(t *testing.T) {
	w := newWorld(t, byAge)
	w.privileged = true
	w.task.Request.Action, w.task.Request.CreatedAt = account.Rotate, t0
	w.task.Account.Password.SetBy = w.task.Request.ID
	w.lose()
	w.rotated("req-2")
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.HandoverNotTaken), err)
	assert.Len(t, w.told, 2)
}

func TestANewPasswordIsNotExposed(t *testing.T) {
	w := newWorld(t, events.HandOverArgs{Part: events.HandOverReset})
	w.task.Request.Action, w.task.Account.Password.ExposedAt = account.Rotate, t0
	_, err := w.settle()
	require.NoError(t, err)
	assert.Zero(t, w.task.Account.Password.ExposedAt)
}
