package assigntargets_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenanttest"
)

var set = events.AssignTargetsArgs{Change: events.TargetsSet, Users: []string{"adele@contoso.com"}, Groups: []string{"sales"}, Primary: "Adele@contoso.com"}

func TestChosenUsersAreAssigned(t *testing.T) {
	b := setup(t).order(set)
	res, err := b.once()
	require.NoError(t, err)
	assert.True(t, res.Again, "the choice goes on record first")
	assert.Empty(t, b.assigned())
	assert.False(t, b.required())
	assert.Equal(t, "Adele@contoso.com, group Sales", b.task.Account.Targets.Chosen())

	res = b.run()
	assert.Equal(t, "Vendor's connector is for Adele@contoso.com, group Sales; 3 users in all", res.Detail)
	assert.Equal(t, sorted(b.adele, b.diego, b.lee), b.assigned())
	assert.True(t, b.required())
	targets := b.task.Account.Targets
	assert.Equal(t, "Adele", targets.Primary.DisplayName)
	assert.False(t, *targets.Before)
	assert.False(t, targets.SyncedAt.IsZero())
	for _, m := range targets.Members {
		assert.Equal(t, account.GrantGiven, m.State)
		assert.True(t, m.Ours)
		assert.NotEmpty(t, m.AssignmentID)
	}
	assert.Equal(t, account.GrantGiven, b.task.Account.Grant(account.TargetUsers, tenanttest.VendorApp).State)
	calls := len(b.tenant.Calls())
	b.run()
	for _, op := range b.tenant.Calls()[calls:] {
		assert.NotContains(t, []string{"Assign", "Unassign", "RequireAssignment"}, op, "a replay does nothing")
	}
}

func TestChangesOfTheChoice(t *testing.T) {
	b := setup(t).order(set)
	b.run()
	b.order(events.AssignTargetsArgs{Change: events.TargetsRemove, Groups: []string{"SALES"}}).run()
	assert.Equal(t, []string{b.adele}, b.assigned())
	b.order(events.AssignTargetsArgs{Change: events.TargetsAdd, Users: []string{"Lee@contoso.com"}}).run()
	assert.Equal(t, sorted(b.adele, b.lee), b.assigned())
	b.order(events.AssignTargetsArgs{Change: events.TargetsAll}).run()
	assert.Empty(t, b.assigned())
	assert.False(t, b.required())
	assert.Empty(t, b.task.Account.Targets.Members)
	b.order(events.AssignTargetsArgs{Change: events.TargetsSet, Users: []string{"Lee@contoso.com"}, Primary: "Lee@contoso.com"}).run()
	assert.Equal(t, []string{b.lee}, b.assigned())
	assert.True(t, b.required())
}

// What somebody else assigned is neither taken away nor kept secret.
func TestOnlyOurAssignmentsAreTakenAway(t *testing.T) {
	b := setup(t)
	other := b.person("Other")
	for _, id := range []string{b.adele, other} {
		require.NoError(t, b.tenant.Assign(ctx, "tid", b.app, id, account.NoAppRole))
	}
	res := b.order(set).run()
	assert.Contains(t, res.Detail, "1 users whom somebody else assigned may use it too")
	b.order(events.AssignTargetsArgs{Change: events.TargetsAll}).run()
	assert.Equal(t, sorted(b.adele, other), b.assigned())
}

func TestSyncFollowsTheGroups(t *testing.T) {
	b := setup(t).order(set)
	b.run()
	b.tenant.PutGroup("Sales", b.lee, b.person("Megan"))
	sync := events.AssignTargetsArgs{Change: events.TargetsSync}
	b.order(sync).run()
	assert.Len(t, b.assigned(), 3)
	assert.NotContains(t, b.assigned(), b.diego)

	// Somebody took an assignment away by hand, and a chosen user was deleted.
	list, err := b.tenant.Assignments(ctx, "tid", b.app)
	require.NoError(t, err)
	for _, a := range list {
		require.NoError(t, b.tenant.Unassign(ctx, "tid", b.app, a.ID))
	}
	require.NoError(t, b.tenant.DeleteUser(ctx, "tid", b.adele))
	b.order(sync).run()
	assert.Len(t, b.assigned(), 2)
	assert.NotContains(t, b.assigned(), b.adele)
}

func TestSyncDoesNotEmptyAConnection(t *testing.T) {
	b := setup(t)
	b.tenant.PutGroup("Sales", b.crowd(30)...)
	b.order(set).run()
	b.tenant.PutGroup("Sales", b.lee)
	err := b.order(events.AssignTargetsArgs{Change: events.TargetsSync}).refused()
	assert.True(t, fault.Is(err, fault.TargetsShrank), err)
	b.order(events.AssignTargetsArgs{Change: events.TargetsSync, Force: true}).run()
	assert.Equal(t, sorted(b.adele, b.lee), b.assigned())
}

func TestConsentsOfSingleUsers(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{ClientID: b.app, ResourceID: "principal-graph", UserID: b.lee, Scopes: []string{"Mail.Read"}}))
	require.NoError(t, b.tenant.GiveDelegated(ctx, "tid", account.DelegatedGrant{ClientID: b.app, ResourceID: "principal-graph", Scopes: []string{"Mail.Read"}}))
	res := b.order(events.AssignTargetsArgs{Change: events.TargetsSync}).run()
	assert.Contains(t, res.Detail, "1 users gave it consents of their own")
	require.Len(t, b.task.Account.Targets.PerUser, 1)
	assert.Equal(t, "Lee@contoso.com", b.task.Account.Targets.PerUser[0].UserPrincipalName)
	b.task.Account.Targets.PerUser = nil // what was seen long ago is not what is there
	res = b.order(events.AssignTargetsArgs{Change: events.TargetsSync, RemovePerUser: true}).run()
	assert.Contains(t, res.Detail, "no consent of a single user is left, withdrawn are those of Lee@contoso.com")
	assert.Empty(t, b.task.Account.Targets.PerUser)
	left, err := b.tenant.DelegatedGrants(ctx, "tid", b.app)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Empty(t, left[0].UserID, "the consent for everybody stays")
}

func TestRefusals(t *testing.T) {
	crowd := func(n int) func(*bench) {
		return func(b *bench) { b.tenant.PutGroup("Crowd", b.crowd(n)...) }
	}
	twins := func(b *bench) { b.tenant.AddGroup("Sales") }
	everybody := func(b *bench) { b.order(events.AssignTargetsArgs{Change: events.TargetsAll}).run() }
	few := func(b *bench) { b.task.Account.Targets.Max = 2 }
	some := func(b *bench) { b.order(set).run() }
	for name, c := range map[string]struct {
		before func(*bench)
		args   events.AssignTargetsArgs
		code   fault.Code
		says   string
	}{
		"no group":             {nil, events.AssignTargetsArgs{Change: "set", Groups: []string{"Marketing"}}, fault.GroupNotFound, "none whose name begins so"},
		"beginning of a group": {nil, events.AssignTargetsArgs{Change: "set", Groups: []string{"Sal"}}, fault.GroupNotFound, `"Sales" (group-`},
		"two characters":       {nil, events.AssignTargetsArgs{Change: "set", Groups: []string{"Sa"}}, fault.GroupNotFound, "at least 3 characters"},
		"several groups":       {twins, events.AssignTargetsArgs{Change: "set", Groups: []string{"Sales"}}, fault.GroupNotFound, "2 groups are called"},
		"101 users":            {crowd(101), events.AssignTargetsArgs{Change: "set", Groups: []string{"Crowd"}}, fault.TooManyTargets, "101 users, and 100 is the most"},
		"profile allows two":   {few, set, fault.TooManyTargets, "the first one too many is Lee@contoso.com"},
		"nobody":               {nil, events.AssignTargetsArgs{Change: "set"}, fault.RequestInvalid, "at least one"},
		"nobody is left":       {some, events.AssignTargetsArgs{Change: "remove", Users: []string{"adele@contoso.com"}, Groups: []string{"Sales"}}, fault.RequestInvalid, "nobody would be left"},
		"add to everybody":     {everybody, events.AssignTargetsArgs{Change: "add", Users: []string{"adele@contoso.com"}}, fault.RequestInvalid, "every user already"},
		"add to no choice":     {nil, events.AssignTargetsArgs{Change: "add", Users: []string{"adele@contoso.com"}}, fault.RequestInvalid, "every user already"},
		"primary user outside": {nil, events.AssignTargetsArgs{Change: "set", Users: []string{"adele@contoso.com"}, Primary: "Lee@contoso.com"}, fault.RequestInvalid, "primary user Lee@contoso.com"},
		"primary user removed": {some, events.AssignTargetsArgs{Change: "remove", Users: []string{"adele@contoso.com"}}, fault.RequestInvalid, "primary user"},
		"unknown change":       {nil, events.AssignTargetsArgs{Change: "swap"}, fault.MalformedCommand, "swap"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			if c.before != nil {
				c.before(b)
			}
			err := b.order(c.args).refused()
			assert.Equal(t, c.code, fault.CodeOf(err), err)
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// Where somebody lets in assigned users only, one more is no limit for anybody.
func TestOneMoreOfThoseWhomSomebodyAssigned(t *testing.T) {
	b := setup(t)
	require.NoError(t, b.tenant.RequireAssignment(ctx, "tid", b.app, true))
	require.NoError(t, b.tenant.Assign(ctx, "tid", b.app, b.lee, ""))
	b.order(events.AssignTargetsArgs{Change: events.TargetsAdd, Users: []string{"adele@contoso.com"}}).run()
	assert.Equal(t, sorted(b.adele, b.lee), b.assigned())
}

func TestAProfileMayRaiseTheLimit(t *testing.T) {
	b := setup(t)
	b.task.Account.Targets.Max = 120
	b.tenant.PutGroup("Crowd", b.crowd(101)...)
	b.order(events.AssignTargetsArgs{Change: events.TargetsSet, Groups: []string{"Crowd"}}).run()
	assert.Len(t, b.assigned(), 101)
}

// A user who was just made shows in a moment; a wrong name never does.
func TestUnableToFindAUser(t *testing.T) {
	for _, name := range []string{"Ade", "adele", "Adele@contoso", "nobody@contoso.com"} {
		b := setup(t).order(events.AssignTargetsArgs{Change: events.TargetsSet, Users: []string{name}})
		err := b.refused()
		assert.True(t, fault.Is(err, fault.UserNotFound), err)
		assert.Equal(t, fault.Waiting, fault.ClassOf(err), name)
		b.task.Now = b.task.Now.Add(2 * time.Minute)
		err = b.refused()
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		assert.ErrorContains(t, err, fmt.Sprintf("unable to find a user matching %q", name))
	}
	b := setup(t).order(events.AssignTargetsArgs{Change: events.TargetsSet, Users: []string{setup(t).adele}})
	assert.True(t, fault.Is(b.refused(), fault.UserNotFound), "an object id is no user principal name")
}

// Whatever call fails, before or after its effect, the next attempts end alike.
func TestEveryCrashEndsAlike(t *testing.T) {
	whole := setup(t).order(set)
	whole.run()
	lost := errors.New("connection lost")
	for n := range len(whole.tenant.Calls()) {
		for _, after := range []bool{false, true} {
			b := setup(t).order(set)
			calls := 0
			fail := func(string) error {
				if calls++; calls == n+1 {
					return lost
				}
				return nil
			}
			if after {
				b.tenant.After = fail
			} else {
				b.tenant.Before = fail
			}
			b.run()
			b.tenant.Before, b.tenant.After = nil, nil
			assert.Equal(t, sorted(b.adele, b.diego, b.lee), b.assigned(), "call %d after %t", n, after)
			assert.True(t, b.required())
			for _, m := range b.task.Account.Targets.Members {
				assert.True(t, m.Ours, "call %d after %t: %s", n, after, m.UserPrincipalName)
			}
		}
	}
}

func TestWhatAnAdministratorHasToPutRightIsParked(t *testing.T) {
	for code, parked := range map[fault.Code]bool{
		fault.IdentityNotFound: true, fault.ConsentMissing: true, fault.PermissionMissing: true, fault.GroupNotFound: false, fault.TooManyTargets: false,
	} {
		assert.Equal(t, parked, assigntargets.Policy.Park(code), code)
	}
	b := setup(t).order(set)
	b.task.Account.AppID = ""
	_, err := b.once()
	assert.True(t, fault.Is(err, fault.MalformedCommand), err)
	b.task.Account.AppID = "not-there"
	_, err = b.once()
	assert.True(t, fault.Is(err, fault.ConsentNotVisible), err)
}
