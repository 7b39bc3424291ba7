package step_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// An offboarding that a hold refuses before anything was taken leaves the account as it was;
// one that it overtook half-made is not as promised, and is not said to be.
func TestAHeldAccountIsActiveAgain(t *testing.T) {
	held := fault.Stop(fault.AccountHeld, errors.New("fed.contoso.com is federated"))
	for name, tt := range map[string]struct {
		answers []func() (step.Result, error)
		object  string
		role    account.GrantState
		state   account.AccountState
	}{
		"refused at its first step": {[]func() (step.Result, error){failing(held)}, "obj-1", account.GrantGiven, account.AccountActive},
		"nothing could be read":     {[]func() (step.Result, error){failing(fault.Stop(fault.FederationUnknown, errors.New("away")))}, "obj-1", account.GrantGiven, account.AccountActive},
		"after something was taken": {[]func() (step.Result, error){done, failing(held)}, "obj-1", account.GrantGiven, account.AccountLeaving},
		"for another reason":        {[]func() (step.Result, error){failing(fault.Stop(fault.AccountProtected, errors.New("break glass")))}, "obj-1", account.GrantGiven, account.AccountLeaving},
		"overtook the role":         {[]func() (step.Result, error){failing(held)}, "obj-1", account.GrantPlanned, account.AccountLeaving},
		"overtook the creation":     {[]func() (step.Result, error){failing(held)}, "", account.GrantGiven, account.AccountLeaving},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, tt.answers...)
			rec := r.book.records["req"]
			rec.Request.Action, rec.Account.State = account.Offboard, account.AccountLeaving
			rec.Account.ObjectID, rec.Account.Grants = tt.object, []account.Grant{{Kind: account.DirectoryRole, Target: "role", State: tt.role}}
			r.book.records["req"] = rec
			r.deliver(r.first())
			if commands, _ := r.sent(); len(commands) > 0 {
				r.deliver(commands[0].Message)
			}
			assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
			assert.Equal(t, tt.state, r.record().Account.State)
		})
	}
}

// A rotation that failed leaves an account that is as promised, if it has its roles again.
func TestAFailedRotationLeavesTheAccountActive(t *testing.T) {
	for role, state := range map[account.GrantState]account.AccountState{
		account.GrantGiven: account.AccountActive, account.GrantLeaving: account.AccountLeaving,
	} {
		r := setup(t, failing(fault.Stop(fault.PermissionMissing, errors.New("no right to reset"))))
		rec := r.book.records["req"]
		rec.Request.Action, rec.Account.State, rec.Account.ObjectID = account.Rotate, account.AccountActive, "obj-1"
		rec.Account.Grants = []account.Grant{{Kind: account.DirectoryRole, Target: "role", State: role}}
		r.book.records["req"] = rec
		r.deliver(r.first())
		assert.Equal(t, account.Failed, account.StateOf(r.record().Request))
		assert.Equal(t, state, r.record().Account.State, role)
	}
}
