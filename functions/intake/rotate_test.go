package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// kept is an account of SAM360 whose onboarding stands as change says.
func (o *office) kept(change func(*ledger.Record)) account.Account {
	o.t.Helper()
	acc := o.living("onboard-sam360")
	require.NoError(o.t, o.ledger.Update(o.t.Context(), acc.RequestID, func(rec *ledger.Record) error {
		for i := range rec.Request.Steps {
			rec.Request.Steps[i].State = account.StepDone
		}
		if change != nil {
			change(rec)
		}
		return nil
	}))
	return o.account(acc.ID)
}

func (o *office) rotate(acc account.Account, how *events.Delivery) (account.Request, error) {
	return o.Rotate(o.t.Context(), acc, "Olga", "left on a whiteboard", how)
}

func TestRotate(t *testing.T) {
	o := open(t)
	acc := o.kept(nil)
	r, err := o.rotate(acc, nil)
	require.NoError(t, err)
	assert.Equal(t, account.Rotate, r.Action)
	again, err := o.rotate(acc, nil)
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID, "one at a time")
}

func TestRotationsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ledger.Record)
		how    *events.Delivery
		code   fault.Code
		says   string
	}{
		"Adopted":      {func(r *ledger.Record) { r.Account.Origin = account.Adopted }, nil, fault.RequestInvalid, "adopted"},
		"Application":  {func(r *ledger.Record) { r.Account.AppID = "app" }, nil, fault.RequestInvalid, "no password"},
		"Leaving":      {func(r *ledger.Record) { r.Account.State = account.AccountLeaving }, nil, fault.RequestInvalid, "leaving"},
		"Planned":      {func(r *ledger.Record) { r.Account.State = account.AccountPlanned }, nil, fault.RequestInvalid, "planned"},
		"NeverMade":    {func(r *ledger.Record) { r.Account.ObjectID = "" }, nil, fault.RequestInvalid, "no new password"},
		"AtWork":       {func(r *ledger.Record) { r.Request.Steps[0].State = account.StepWaiting }, nil, fault.AccountBusy, "wait for it"},
		"NoRecipients": {nil, &events.Delivery{Method: "age"}, fault.RequestInvalid, "delivery.recipients"},
		"NoSuchWay":    {nil, &events.Delivery{Method: "mail"}, fault.RequestInvalid, "mail"},
		"NoPage":       {nil, &events.Delivery{Method: "link"}, fault.RequestInvalid, "not set up"},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			_, err := o.rotate(o.kept(c.change), c.how)
			assert.Equal(t, c.code, fault.CodeOf(err))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// A hand-over that failed is parked, and waits for the new password: that it is open must
// not keep the account from getting one.
func TestARotationDoesNotWaitForALostHandOver(t *testing.T) {
	lost := func(code fault.Code, parked string) func(*ledger.Record) {
		return func(rec *ledger.Record) {
			rec.Request.Steps = append(rec.Request.Steps, account.Step{Name: events.StepHandOver, Function: events.HandOver, FaultCode: string(code)})
			rec.Request.Parked, rec.Account.State = parked, account.AccountPlanned
		}
	}
	o := open(t)
	r, err := o.rotate(o.kept(lost(fault.HandoverFailed, "handover-failed: not taken")), nil)
	require.NoError(t, err)
	assert.Equal(t, account.Rotate, r.Action)
	for name, change := range map[string]func(*ledger.Record){
		"GoingOn":       lost(fault.HandoverFailed, ""),
		"ParkedForElse": lost(fault.SecretUnavailable, "the vault is away"),
	} {
		o := open(t)
		_, err := o.rotate(o.kept(change), nil)
		assert.Equal(t, fault.AccountBusy, fault.CodeOf(err), name)
	}
}

// Who has the password has the rights: it goes to nobody else unasked.
func TestAPasswordGoesToNobodyElseUnasked(t *testing.T) {
	o := open(t)
	o.Deliverable = func(account.Delivery) error { return nil }
	mine := &events.Delivery{Method: "age", Recipients: []string{"age1mine"}}
	r, err := o.rotate(o.kept(nil), mine)
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(r), "its rights are automatic")

	on := o.accepted("onboard-kaspersky-new")
	o.run(on.ID)
	acc := o.account(on.AccountID)
	r, err = o.rotate(acc, mine)
	require.NoError(t, err)
	require.Equal(t, account.Parked, account.StateOf(r))
	assert.Contains(t, string(r.Question.Document), "age1mine", "they agree to whom it goes")
	other, err := o.rotate(acc, &events.Delivery{Method: "link"})
	require.NoError(t, err)
	assert.Equal(t, account.Cancelled, account.StateOf(o.request(r.ID)), "the later word holds")
	_, err = o.Approve(t.Context(), other.ID, account.Approval{By: "olga@contoso.com"})
	require.ErrorContains(t, err, "asked for the request")
	usual, err := o.rotate(acc, nil)
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(usual), "as it was agreed to, at once")
	assert.Equal(t, account.Cancelled, account.StateOf(o.request(other.ID)))
}
