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

// connection is an active row of an application, limited to one user and one group.
func connection(o *office, edit ...func(*account.Account)) account.Account {
	o.t.Helper()
	made := o.accepted("onboard-sam360")
	require.NoError(o.t, o.ledger.Update(o.t.Context(), made.ID, func(rec *ledger.Record) error {
		for i := range rec.Request.Steps {
			rec.Request.Steps[i].State, rec.Request.Steps[i].FinishedAt = account.StepDone, o.now
		}
		a := &rec.Account
		a.AppID, a.State = "77777777-aaaa-4bbb-8ccc-dddddddddddd", account.AccountActive
		a.Targets = account.Targets{Mode: account.TargetsChosen,
			Users: []account.TargetUser{{ObjectID: "u1", UserPrincipalName: "adele@contoso.com"}}, Groups: []account.Group{{ObjectID: "g1", DisplayName: "Sales"}}}
		for _, e := range edit {
			e(a)
		}
		return nil
	}))
	o.sent.take()
	return o.account(made.AccountID)
}

func TestTheScheduleSaysNothingAndTakesNothingOver(t *testing.T) {
	o := open(t)
	acc := connection(o)
	parked, err := o.Retarget(t.Context(), acc, "olga", "", events.AssignTargetsArgs{Change: events.TargetsSync})
	require.NoError(t, err)
	require.NoError(t, o.ledger.Update(t.Context(), parked.ID, func(rec *ledger.Record) error { rec.Request.Parked = "an approver has to agree"; return nil }))
	o.sent.take()
	require.NoError(t, o.SyncTargets(t.Context(), acc))
	assert.Empty(t, o.sent.take(), "what waits for a person is left alone")

	require.NoError(t, o.ledger.Update(t.Context(), parked.ID, func(rec *ledger.Record) error {
		rec.Request.Parked, rec.Request.Steps[0].State = "", account.StepDone
		return nil
	}))
	require.NoError(t, o.ledger.Update(t.Context(), acc.RequestID, func(rec *ledger.Record) error { rec.Account.State = account.AccountLeaving; return nil }))
	require.NoError(t, o.SyncTargets(t.Context(), acc), "the same night may have ended it")
	assert.Empty(t, o.sent.take())

	require.NoError(t, o.ledger.Update(t.Context(), acc.RequestID, func(rec *ledger.Record) error { rec.Account.State = account.AccountActive; return nil }))
	require.NoError(t, o.SyncTargets(t.Context(), acc))
	sent := o.sent.take()
	require.Len(t, sent, 1, "a night is not worth a status event")
	assert.Contains(t, sent[0], "assigntargets ")
}

func TestAChangeOfUsersIsARequest(t *testing.T) {
	o := open(t)
	acc := connection(o)
	change := events.AssignTargetsArgs{Change: events.TargetsAdd, Users: []string{"lee@contoso.com"}}
	r, err := o.Retarget(t.Context(), acc, "olga", "asked for", change)
	require.NoError(t, err)
	assert.Equal(t, account.Modify, r.Action)
	assert.Equal(t, account.ParkOnFailure, r.OnFailure, "a change that fails takes nothing of the connection away")
	require.Len(t, r.Steps, 1)
	assert.Equal(t, events.AssignTargets, r.Steps[0].Function)
	var args events.AssignTargetsArgs
	require.NoError(t, json.Unmarshal(r.Steps[0].Args, &args))
	assert.Equal(t, change, args)
	assert.Contains(t, o.kinds(r.ID), "request.accepted")
	assert.Contains(t, o.sent.take(), "assigntargets "+r.ID+"/assigntargets/1")
	assert.Equal(t, account.AccountActive, o.account(acc.ID).State)

	_, err = o.Retarget(t.Context(), acc, "olga", "", change)
	assert.True(t, fault.Is(err, fault.AlreadyManaged), err)
	require.NoError(t, o.SyncTargets(t.Context(), acc), "the schedule waits for the next night")

	require.NoError(t, o.ledger.Update(t.Context(), r.ID, func(rec *ledger.Record) error { rec.Request.Parked = "admin consent needed"; return nil }))
	next, err := o.Retarget(t.Context(), acc, "olga", "", events.AssignTargetsArgs{Change: events.TargetsSync})
	require.NoError(t, err)
	assert.NotEmpty(t, o.request(r.ID).Cancelled, "a parked change gives way")
	assert.NotEqual(t, r.ID, next.ID)
}

func TestAChangeOfUsersIsRefused(t *testing.T) {
	user := func(a *account.Account) { a.AppID = "" }
	leaving := func(a *account.Account) { a.State = account.AccountLeaving }
	for says, c := range map[string]struct {
		edit   func(*account.Account)
		change events.AssignTargetsArgs
	}{
		"signs in as a user": {user, events.AssignTargetsArgs{Change: "sync"}},
		"is leaving":         {leaving, events.AssignTargetsArgs{Change: "sync"}},
		`change "swap"`:      {nil, events.AssignTargetsArgs{Change: "swap"}},
		"at least one":       {nil, events.AssignTargetsArgs{Change: "add"}},
		`"lee" is no user`:   {nil, events.AssignTargetsArgs{Change: "add", Users: []string{"lee"}}},
		"three characters":   {nil, events.AssignTargetsArgs{Change: "set", Groups: []string{"Sa"}}},
		`the user "lee@contoso.com" was not chosen`: {nil, events.AssignTargetsArgs{Change: "remove", Users: []string{"lee@contoso.com"}}},
		`the group "Sal" was not chosen`:            {nil, events.AssignTargetsArgs{Change: "remove", Groups: []string{"Sal"}}},
		"extend the connection to all users":        {nil, events.AssignTargetsArgs{Change: "remove", Users: []string{"adele@contoso.com"}, Groups: []string{"sales"}}},
		"remove names nobody":                       {nil, events.AssignTargetsArgs{Change: "remove", Primary: "adele@contoso.com"}},
		"all takes no users":                        {nil, events.AssignTargetsArgs{Change: "all", Users: []string{"adele@contoso.com"}}},
		`access.scope.primaryUser "Lee"`:            {nil, events.AssignTargetsArgs{Change: "sync", Primary: "Lee"}},
	} {
		t.Run(says, func(t *testing.T) {
			o := open(t)
			edits := []func(*account.Account){}
			if c.edit != nil {
				edits = append(edits, c.edit)
			}
			acc := connection(o, edits...)
			before := len(o.requests())
			_, err := o.Retarget(t.Context(), acc, "olga", "", c.change)
			require.ErrorContains(t, err, says)
			assert.True(t, fault.Is(err, fault.RequestInvalid), err)
			assert.Len(t, o.requests(), before)
			assert.Empty(t, o.sent.take())
		})
	}
	o := open(t)
	_, err := o.Retarget(t.Context(), connection(o), "", "", events.AssignTargetsArgs{Change: "sync"})
	assert.ErrorContains(t, err, "say who asks")
}
