package intake_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

const connector = "77777777-aaaa-4bbb-8ccc-dddddddddddd"

// consented is a connection whose request gave it one permission, by a step of its own.
func consented(o *office, edit ...func(*account.Account)) account.Account {
	o.t.Helper()
	right := account.AppPermission{Resource: "00000003-0000-0000-c000-000000000000", Name: "User.Read.All"}
	acc := connection(o, append([]func(*account.Account){func(a *account.Account) {
		a.Grants = []account.Grant{
			{Kind: account.Application, Target: connector, Name: "Connector", State: account.GrantGiven, Ours: true},
			{Kind: account.AppRole, Target: right.Target(connector), Name: right.Name, State: account.GrantGiven, Ours: true},
		}
	}}, edit...)...)
	args, err := json.Marshal(events.GrantConsentArgs{AppID: connector, App: "Connector", Permissions: []events.AppPermission{events.AppPermission(right)}})
	require.NoError(o.t, err)
	require.NoError(o.t, o.ledger.Update(o.t.Context(), acc.RequestID, func(rec *ledger.Record) error {
		rec.Request.Steps = append(rec.Request.Steps, account.Step{
			Name: "grantconsent-connector", Function: events.GrantConsent, Args: args, State: account.StepDone, FinishedAt: o.now, Attempt: 3,
		})
		return nil
	}))
	return o.account(acc.ID)
}

func TestAConnectionIsReconnected(t *testing.T) {
	o := open(t)
	acc := consented(o)
	r, err := o.Reconnect(t.Context(), acc, "olga", "withdrawn by mistake")
	require.NoError(t, err)
	assert.Equal(t, account.Modify, r.Action)
	assert.Equal(t, account.ParkOnFailure, r.OnFailure)
	require.Len(t, r.Steps, 2)
	assert.Equal(t, events.GrantConsent, r.Steps[0].Function)
	assert.NotEqual(t, account.StepDone, r.Steps[0].State)
	assert.Equal(t, events.AssignTargets, r.Steps[1].Function, "an application that is made anew lets everybody in")
	assert.JSONEq(t, `{"change":"sync"}`, string(r.Steps[1].Args))
	assert.Equal(t, account.AccountActive, o.account(acc.ID).State)
	assert.True(t, o.account(acc.ID).Grants[1].Ours, "what we gave stays ours to take back")

	again, err := o.Reconnect(t.Context(), acc, "olga", "")
	require.NoError(t, err)
	assert.Equal(t, r.ID, again.ID, "it is the open one")
	_, err = o.Reconnect(t.Context(), acc, "", "")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err), "nobody's name")
}

func TestAConnectionForEverybodyIsReconnected(t *testing.T) {
	o := open(t)
	acc := consented(o, func(a *account.Account) { a.Targets = account.Targets{Mode: account.TargetsAll} })
	r, err := o.Reconnect(t.Context(), acc, "olga", "")
	require.NoError(t, err)
	require.Len(t, r.Steps, 1, "nobody is kept out, so nobody is assigned")
}

func TestAReconnectionIsRefused(t *testing.T) {
	for says, edit := range map[string]func(*account.Account){
		"only a connection": func(a *account.Account) { a.AppID = "" },
		"is leaving":        func(a *account.Account) { a.State = account.AccountLeaving },
	} {
		o := open(t)
		_, err := o.Reconnect(t.Context(), consented(o, edit), "olga", "")
		require.ErrorContains(t, err, says)
		assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	}
	o := open(t)
	_, err := o.Reconnect(t.Context(), connection(o), "olga", "")
	require.ErrorContains(t, err, "was given no consent")

	acc := consented(o)
	other := acc
	other.ID = "acc-other"
	_, err = o.Reconnect(t.Context(), other, "olga", "")
	assert.Equal(t, fault.AccountUnknown, fault.CodeOf(err))
	_, err = o.Retarget(t.Context(), acc, "olga", "", events.AssignTargetsArgs{Change: events.TargetsSync})
	require.NoError(t, err)
	_, err = o.Reconnect(t.Context(), acc, "olga", "")
	assert.Equal(t, fault.AccountBusy, fault.CodeOf(err))
}
