package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
)

// mighty gives a connection a permission that somebody has to agree to.
func mighty(a *account.Account) {
	p := account.AppPermission{Resource: "00000003-0000-0000-c000-000000000000", Name: "Mail.ReadWrite"}
	a.Grants = []account.Grant{{Kind: p.Kind(), Target: p.Target(a.AppID), Name: p.String(), State: account.GrantGiven, Ours: true}}
}

// To open a connection to every user widens what it reads, so it is agreed to anew.
func TestExtendingToAllNeedsAgreement(t *testing.T) {
	o := open(t)
	acc := connection(o, mighty)
	for _, change := range []events.AssignTargetsArgs{
		{Change: events.TargetsAdd, Users: []string{"lee@contoso.com"}}, {Change: events.TargetsRemove, Users: []string{"adele@contoso.com"}}, {Change: events.TargetsSync},
	} {
		r, err := o.Retarget(t.Context(), acc, "olga", "asked for", change)
		require.NoError(t, err)
		assert.Equal(t, account.Accepted, account.StateOf(r), change.Change)
		o.run(r.ID)
	}
	o.sent.take()
	r, err := o.Retarget(t.Context(), acc, "olga", "everybody uses it", events.AssignTargetsArgs{Change: events.TargetsAll})
	require.NoError(t, err)
	require.Equal(t, account.Parked, account.StateOf(r))
	assert.NotContains(t, o.sent.take(), "assigntargets "+r.ID+"/assigntargets/1")
	assert.False(t, o.account(acc.ID).Grants[0].Alert)
	_, err = o.Approve(t.Context(), r.ID, account.Approval{By: "sven@contoso.com"})
	require.NoError(t, err)
	assert.Contains(t, o.sent.take(), "assigntargets "+r.ID+"/assigntargets/1")
}

// A connection that is for everybody already is not widened.
func TestExtendingToAllAgainAsksNobody(t *testing.T) {
	o := open(t)
	acc := connection(o, mighty, func(a *account.Account) { a.Targets = account.Targets{Mode: account.TargetsAll} })
	r, err := o.Retarget(t.Context(), acc, "olga", "", events.AssignTargetsArgs{Change: events.TargetsAll})
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(r))
}
