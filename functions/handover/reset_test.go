package handover_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const newRef = "file:tenant/acc-1.req-1"

func rotation(t *testing.T) *world {
	w := newWorld(t, events.HandOverArgs{Part: events.HandOverReset})
	w.task.Request.Action = account.Rotate
	return w
}

// renewed checks that the new password signs in and that nothing else lies in the vault.
func (w *world) renewed() {
	w.t.Helper()
	assert.Equal(w.t, w.vault[newRef], w.password)
	assert.NotEqual(w.t, "first", w.password)
	assert.Len(w.t, w.vault, 1, "the old one is thrown away")
	assert.Equal(w.t, newRef, w.task.Account.SecretRef)
	p := w.task.Account.Password
	assert.Empty(w.t, p.NextRef)
	assert.Equal(w.t, "req-1", p.SetBy)
	assert.Equal(w.t, w.now, p.SetAt)
}

func TestANewPasswordIsSealedSetAndReadBack(t *testing.T) {
	w := rotation(t)
	res, err := w.once()
	require.NoError(t, err)
	assert.True(t, res.Again, "on record before it is set")
	assert.Equal(t, "first", w.password)
	assert.Equal(t, newRef, w.task.Account.Password.NextRef)
	_, err = w.once()
	require.NoError(t, err)
	w.renewed()
	_, err = w.once()
	require.NoError(t, err, "once more does nothing")
	assert.Equal(t, 1, w.sets)
}

// SetOnPremisesPassword is what Active Directory does: Entra shows nothing of it.
func (w *world) SetOnPremisesPassword(_ context.Context, _ account.TenantID, guid, stamp string, p account.Secret) error {
	assert.Equal(w.t, []string{"guid-1", "usher:req-0"}, []string{guid, stamp})
	w.sets++
	if w.setErr != nil {
		return w.setErr
	}
	w.password = p.Reveal()
	return w.lost
}

// synced makes the account one that is mastered in Active Directory.
func (w *world) synced() {
	w.task.Account.RequestID, w.task.Account.OnPremises = "req-0", account.OnPremises{Domain: "DC=corp", GUID: "guid-1"}
}

func TestASyncedAccountGetsItsPasswordInActiveDirectory(t *testing.T) {
	w := rotation(t)
	w.synced()
	w.privileged = true // Entra would refuse it
	_, err := w.settle()
	require.NoError(t, err)
	assert.Equal(t, 1, w.sets)
	w.renewed()
}

func TestAPasswordThatADomainRefusesIsReplaced(t *testing.T) {
	w := rotation(t)
	w.synced()
	w.setErr = fault.Retry(fault.ADPasswordRejected, 0, errors.New("too like the name"))
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.ADPasswordRejected), err)
	assert.Equal(t, "first", w.password)
}

func TestALostReplyEndsInTheSamePassword(t *testing.T) {
	w := rotation(t)
	w.lost = fault.Retry(fault.Unreachable, 0, errors.New("connection reset"))
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.Unreachable), err)
	assert.Equal(t, "canary-1", w.password)
	w.lost = nil
	_, err = w.settle()
	require.NoError(t, err)
	assert.Equal(t, 1, w.made)
	w.renewed()
}

func TestANewPasswordThatDoesNotShowYetIsWaitedForAndNotSetAgain(t *testing.T) {
	w := rotation(t)
	w.shows = t0.Add(time.Hour)
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.PasswordNotShown), err)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	assert.Len(t, w.vault, 2, "the old one is kept until then")
	w.changed = w.shows
	_, err = w.settle()
	require.NoError(t, err)
	assert.Equal(t, 1, w.sets)
	w.renewed()
}

func TestAnAdministratorsPasswordWaitsForItsRoles(t *testing.T) {
	w := rotation(t)
	w.privileged, w.task.Args.Early = true, true
	res, err := w.settle()
	require.NoError(t, err, "a later step does it")
	assert.Contains(t, res.Detail, "roles")

	w.task.Args.Early, w.task.Step.Checkpoint = false, nil
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.UserStillPrivileged), err)
	w.privileged = false
	_, err = w.settle()
	require.NoError(t, err)
	assert.Equal(t, 1, w.made)
	w.renewed()
}

func TestAnIdentityThatMayNotResetGivesUp(t *testing.T) {
	w := rotation(t)
	w.privileged = true
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.UserStillPrivileged), err)
	w.now = w.now.Add(11 * time.Minute)
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.PermissionMissing), err)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))

	w = rotation(t)
	w.privileged, w.task.Account.Grants = true, nil
	_, err = w.settle()
	require.True(t, fault.Is(err, fault.PermissionMissing), err)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err), "without roles there is nothing to wait for")
}

func TestARefusedPasswordIsReplacedThreeTimes(t *testing.T) {
	w := rotation(t)
	w.setErr = fault.Retry(fault.PasswordRejected, 0, errors.New("complexity"))
	for range 2 {
		_, err := w.settle()
		require.Equal(t, fault.Transient, fault.ClassOf(err))
	}
	_, err := w.settle()
	require.True(t, fault.Is(err, fault.PasswordRejected), err)
	require.Equal(t, fault.Permanent, fault.ClassOf(err))
	assert.Equal(t, 3, w.made)
	assert.Contains(t, w.vault, oldRef)
}

func TestAnAccountThatWasNeverMadeHasNoPassword(t *testing.T) {
	w := rotation(t)
	w.task.Account.ObjectID = ""
	_, err := w.settle()
	assert.True(t, fault.Is(err, fault.UserNotFound), err)
}
