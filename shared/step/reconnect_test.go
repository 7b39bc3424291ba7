package step_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// standing is a second onboarding of a connection that stands.
func standing(t *testing.T, answers ...func() (step.Result, error)) *rig {
	r := setup(t, answers...)
	rec := r.record()
	rec.Account.State, rec.Request.Action = account.AccountActive, account.Onboard
	rec.Request.Reconnects = &account.Reconnection{Profile: "new", Owner: account.Owner{Email: "new@contoso.com"}, ExpiresAt: t0.Add(time.Hour)}
	r.book.records["req"] = *rec
	return r
}

func TestAFailedReconnectionLeavesTheConnectionStanding(t *testing.T) {
	r := standing(t, failing(fault.Stop(fault.PermissionUnknown, errors.New("no such permission"))), done)
	r.deliver(r.first())
	commands, _ := r.sent()
	require.Len(t, commands, 1)
	assert.Equal(t, account.AccountActive, r.record().Account.State)
	r.deliver(commands[0].Message)
	rec := r.record()
	assert.Equal(t, account.Failed, account.StateOf(rec.Request))
	assert.Equal(t, account.AccountActive, rec.Account.State)
	assert.Zero(t, rec.Account.RevokedAt)
	assert.Empty(t, rec.Account.Owner.Email, "owner and dates are as before")
}

func TestAReconnectionIsOnTheRowWhenAllIsDone(t *testing.T) {
	r := standing(t, done, done)
	r.deliver(r.first())
	commands, _ := r.sent()
	r.deliver(commands[0].Message)
	rec := r.record()
	assert.Equal(t, account.Succeeded, account.StateOf(rec.Request))
	assert.Equal(t, "new@contoso.com", rec.Account.Owner.Email)
	assert.Equal(t, "req", rec.Account.RequestID)
}

// A permission that cannot be withdrawn takes nothing away that was just given.
func TestAWithdrawalThatFailsIsSaid(t *testing.T) {
	r := standing(t, failing(fault.Stop(fault.PermissionMissing, errors.New("refused"))))
	rec := r.record()
	rec.Request.Steps = rec.Request.Steps[:1]
	rec.Request.Steps[0].Function = events.Revoke
	r.book.records["req"] = *rec
	step.Handle(r.runner, events.Revoke, step.Policy{GoOn: func(fault.Code) bool { return true }}, r.handle)
	r.deliver(r.first())
	assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
	assert.Equal(t, account.AccountActive, r.record().Account.State)
	commands, _ := r.sent()
	assert.Empty(t, commands)
}
