package revoke_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/domainfake"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenanttest"
)

// mastered is an account made in Active Directory, brought to Entra unless told
// otherwise, with a role and a role group.
func mastered(t *testing.T, brought bool) *bench {
	t.Helper()
	ctx := context.Background()
	b := setup(t)
	b.tenant, b.domain = tenanttest.NewMemory(), domainfake.New()
	made, err := b.domain.CreateOnPremises(ctx, "tid", account.NewOnPremisesUser{
		UserPrincipalName: upn, DisplayName: "Service", Stamp: "usher:req-1", Password: account.NewSecret("Conforming-7")})
	require.NoError(t, err)
	acc := &b.task.Account
	acc.OnPremises = account.OnPremises{Domain: "DC=corp,DC=example", GUID: made.GUID, ImmutableID: made.ImmutableID}
	acc.ObjectID = ""
	if brought {
		b.cycle()
		user, err := b.tenant.UserByImmutableID(ctx, "tid", made.ImmutableID)
		require.NoError(t, err)
		acc.ObjectID = user.ObjectID
		acc.Grants[0].AssignmentID, err = b.tenant.AssignRole(ctx, "tid", user.ObjectID, role)
		require.NoError(t, err)
		require.NoError(t, b.tenant.AddRoleGroupMember(ctx, "tid", group, account.Member{ObjectID: user.ObjectID, UserPrincipalName: upn}))
	}
	return b
}

func (b *bench) cycle() { b.tenant.Sync(b.domain.Users()) }

// waits runs a part that has to wait for Entra Connect, then a cycle, then the part again.
func (b *bench) waits(t *testing.T, p events.RevokePart) {
	t.Helper()
	_, err := b.run(p, "")
	require.Equal(t, fault.EntraConnectNotSynced, fault.CodeOf(err), "%s: %v", p, err)
	require.Equal(t, fault.Waiting, fault.ClassOf(err))
	b.cycle()
	_, err = b.run(p, "")
	require.NoError(t, err, p)
}

// writesNothing makes sure that the account was not changed in Entra.
func (b *bench) writesNothing(t *testing.T) {
	t.Helper()
	for _, op := range []string{"SetEnabled", "DeleteUser", "RestoreUser"} {
		assert.NotContains(t, b.tenant.Calls(), op)
	}
}

func TestASyncedAccountGoesWhereItIsMastered(t *testing.T) {
	b := mastered(t, true)
	for _, p := range inOrder[:2] {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err)
	}
	b.waits(t, events.RevokeEnabled)
	assert.False(t, b.domain.Users()[0].Enabled)
	_, err := b.run(events.RevokeSessions, "")
	require.NoError(t, err)
	b.waits(t, events.RevokeAccount)
	assert.Empty(t, b.domain.Users())
	for _, p := range inOrder {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, "twice is success too: %s", p.part)
	}
	b.writesNothing(t)
	_, err = b.run(events.RestoreAccount, "")
	assert.Equal(t, fault.UserSynced, fault.CodeOf(err), "what is deleted in Active Directory cannot be given back")
	assert.False(t, revoke.Policy.GoOn(fault.UserSynced), "and nothing else is given then")
	_, err = b.run(events.RevokeForGood, "")
	require.NoError(t, err)
}

func TestASyncedAccountThatIsOnlyDisabledComesBack(t *testing.T) {
	b := mastered(t, true)
	b.waits(t, events.RevokeEnabled)
	_, err := b.run(events.RestoreAccount, "")
	require.NoError(t, err, "it was not deleted")
	b.waits(t, events.RestoreEnabled)
	assert.True(t, b.domain.Users()[0].Enabled)
	b.writesNothing(t)
}

func TestAnAccountThatNeverCameToEntra(t *testing.T) {
	b := mastered(t, false)
	for _, p := range inOrder[:4] {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err, p.part)
	}
	b.task.Account.TriedAt = now.Add(-10 * time.Minute)
	_, err := b.run(events.RevokeAccount, "")
	assert.Equal(t, fault.EntraConnectNotSynced, fault.CodeOf(err), "a cycle may be under way")
	assert.Empty(t, b.domain.Users())
	b.task.Now = now.Add(time.Hour)
	_, err = b.run(events.RevokeAccount, "")
	require.NoError(t, err)
	b.writesNothing(t)
}

func TestACycleThatBeganBeforeTheDeletionIsNoticed(t *testing.T) {
	b := mastered(t, false)
	listed := b.domain.Users()
	b.task.Account.TriedAt = now.Add(-10 * time.Minute)
	_, err := b.run(events.RevokeAccount, "")
	require.Error(t, err)
	b.tenant.Sync(listed) // it read the directory before
	_, err = b.run(events.RevokeAccount, "")
	assert.Equal(t, fault.EntraConnectNotSynced, fault.CodeOf(err))
	assert.NotEmpty(t, b.task.Account.ObjectID, "now it is known, and its end is waited for")
	b.cycle()
	_, err = b.run(events.RevokeAccount, "")
	require.NoError(t, err)
}

func TestAnAccountWhoseMakingWasNeverConfirmed(t *testing.T) {
	b := mastered(t, false)
	b.task.Account.OnPremises.GUID, b.task.Account.OnPremises.ImmutableID = "", ""
	_, err := b.run(events.RevokeEnabled, "")
	require.NoError(t, err)
	assert.NotEmpty(t, b.task.Account.OnPremises.GUID, "found by its stamp")
	assert.False(t, b.domain.Users()[0].Enabled)

	b = mastered(t, false)
	b.domain = domainfake.New()
	b.task.Account.OnPremises.GUID, b.task.Account.TriedAt = "", now.Add(-time.Minute)
	_, err = b.run(events.RevokeAccount, "")
	assert.Equal(t, fault.UserNotReadable, fault.CodeOf(err), "it may still turn up")
	b.task.Account.TriedAt = now.Add(-time.Hour)
	res, err := b.run(events.RevokeAccount, "")
	require.NoError(t, err)
	assert.Contains(t, res.Detail, "never made")
}

func TestAnAccountOfOthersIsLeftAlone(t *testing.T) {
	b := mastered(t, true)
	b.task.Account.RequestID = "req-other"
	for _, p := range []events.RevokePart{events.RevokeEnabled, events.RevokeAccount} {
		_, err := b.run(p, "")
		assert.Equal(t, fault.AccountUnknown, fault.CodeOf(err))
	}
	assert.True(t, b.domain.Users()[0].Enabled)
}

func TestAnAdoptedSyncedAccountIsOnlyRelieved(t *testing.T) {
	b := mastered(t, true)
	b.task.Account.Origin, b.task.Account.OnPremises = account.Adopted, account.OnPremises{}
	for _, p := range inOrder[:2] {
		_, err := b.run(p.part, p.target)
		require.NoError(t, err)
	}
	for _, p := range inOrder[2:] {
		_, err := b.run(p.part, p.target)
		assert.Equal(t, fault.AccountProtected, fault.CodeOf(err))
	}
	assert.True(t, b.domain.Users()[0].Enabled)
	b.writesNothing(t)
}

func TestEveryLostReplyOfARevocationInActiveDirectoryEndsAlike(t *testing.T) {
	lost := errors.New("connection lost")
	for _, op := range []string{"disable", "delete"} {
		b := mastered(t, true)
		b.domain.After = func(done, _ string) error {
			if done == op {
				b.domain.After = nil
				return lost
			}
			return nil
		}
		for _, p := range inOrder {
			for range 6 {
				if _, err := b.run(p.part, p.target); err == nil {
					break
				}
				b.cycle()
			}
		}
		assert.Empty(t, b.domain.Users(), op)
		_, err := b.tenant.User(context.Background(), "tid", upn)
		assert.Equal(t, fault.UserNotFound, fault.CodeOf(err))
	}
}
