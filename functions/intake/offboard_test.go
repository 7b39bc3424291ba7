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
)

func TestOffboardingWinsOverOnboarding(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	off := o.accepted("offboard-sam360")
	on = o.request(on.ID)
	assert.Equal(t, account.Cancelled, account.StateOf(on))
	assert.Contains(t, on.Cancelled, off.ID)
	assert.Equal(t, "revoke-rolegroup-view-only-organization-management", off.Steps[0].Name)
}

func TestASecondOffboardingIsTheFirst(t *testing.T) {
	o := open(t)
	o.run(o.accepted("onboard-sam360").ID)
	off := o.accepted("offboard-sam360")
	o.sent.take()
	req := request(t, "offboard-sam360")
	req.Ticket.ID = "another"
	assert.Equal(t, intake.Answer{Status: intake.Accepted, RequestID: off.ID, Duplicate: true}, o.post(req))
	assert.Empty(t, o.sent.take())
}

func TestHold(t *testing.T) {
	o := open(t)
	on := request(t, "onboard-sam360")
	on.Lifetime.Hold = &events.Hold{Reason: "federation in use"}
	o.run(o.post(on).RequestID)
	off := request(t, "offboard-sam360")
	a := o.post(off)
	assert.Equal(t, fault.AccountHeld, a.Code)
	assert.Contains(t, a.Reason, "federation in use")
	off.Offboard.Force = true
	a = o.post(off)
	require.Equal(t, intake.Accepted, a.Status)
	assert.Empty(t, o.account(o.request(a.RequestID).AccountID).Hold, "or the steps would refuse")
	assert.Equal(t, []string{"hold.overridden", "request.accepted"}, o.kinds(a.RequestID))
}

func TestProtectedSinceThen(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	o.run(on.ID)
	o.tenants[0].Protected = []string{o.account(on.AccountID).ObjectID}
	assert.Equal(t, fault.AccountProtected, o.post(request(t, "offboard-sam360")).Code)
}

func TestContradictions(t *testing.T) {
	o := open(t)
	o.run(o.accepted("onboard-sam360").ID)
	no := false
	req := request(t, "offboard-sam360")
	req.Offboard.RemoveRoles = &no
	a := o.post(req)
	assert.Equal(t, fault.RequestInvalid, a.Code)
	assert.Contains(t, a.Reason, "removeRoles")
}

func TestNothingToTakeFromAnAdoptedAccount(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-kaspersky-existing")
	off := o.accepted("offboard-kaspersky-existing")
	assert.Equal(t, account.Succeeded, account.StateOf(off))
	assert.Equal(t, account.AccountGone, o.account(on.AccountID).State)
	assert.Equal(t, []string{"request.accepted", "request.succeeded"}, o.kinds(off.ID))
}

func TestGoneAccountsAreUnknown(t *testing.T) {
	o := open(t)
	o.run(o.accepted("onboard-sam360").ID)
	o.run(o.accepted("offboard-sam360").ID)
	req := request(t, "offboard-sam360")
	req.Ticket.ID = "another"
	a := o.post(req)
	assert.Equal(t, fault.AccountUnknown, a.Code)
	assert.Contains(t, a.Reason, "taken away on 2026-11-21")
}

func TestRevoke(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	o.run(on.ID)
	acc := o.account(on.AccountID)
	r, err := o.Revoke(t.Context(), acc, "Olga", "no longer wanted", events.Offboard{GraceDays: 2})
	require.NoError(t, err)
	assert.Equal(t, account.Offboard, r.Action)
	assert.Equal(t, "Olga", r.Requester)
	assert.Equal(t, on.Ticket, r.Ticket, "the ticket that asked for the account hears of its end")
	assert.Equal(t, 48*time.Hour, r.Step("delete").Delay)
	again, err := o.Revoke(t.Context(), acc, "Otto", "me too", events.Offboard{})
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID)
	require.NoError(t, o.Expire(t.Context(), acc, "its end date has passed", events.Offboard{}))
}

func TestRevokeRefuses(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	acc := o.account(on.AccountID)
	_, err := o.Revoke(t.Context(), acc, "", "", events.Offboard{})
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	stranger := acc
	stranger.ID = "acc-other"
	_, err = o.Revoke(t.Context(), stranger, "Olga", "", events.Offboard{})
	assert.Equal(t, fault.AccountUnknown, fault.CodeOf(err))
	o.tenants = o.tenants[1:]
	_, err = o.Revoke(t.Context(), acc, "Olga", "", events.Offboard{})
	assert.Equal(t, fault.UnknownTenant, fault.CodeOf(err))
	assert.Len(t, o.requests(), 1)
}

func TestExpire(t *testing.T) {
	o := open(t)
	on := request(t, "onboard-sam360")
	on.Lifetime.Hold = &events.Hold{Reason: "audit"}
	r := o.request(o.post(on).RequestID)
	o.run(r.ID)
	err := o.Expire(t.Context(), o.account(r.AccountID), "its end date has passed", events.Offboard{})
	assert.Equal(t, fault.AccountHeld, fault.CodeOf(err))
	o.now = o.now.AddDate(1, 0, 0)
	acc := o.account(r.AccountID)
	acc.Hold = account.Hold{}
	assert.Equal(t, fault.AccountHeld, fault.CodeOf(o.Expire(t.Context(), acc, "", events.Offboard{})), "the ledger's word counts, not the caller's", events.Offboard{})
}
