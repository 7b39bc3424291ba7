package grantrolegroup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

const group = "View-Only Organization Management"

// waiting lets every try through unless hold is set, and remembers what became known.
type waiting struct {
	hold  bool
	err   error
	known []time.Duration
}

func (w *waiting) ShouldTry(context.Context, account.TenantID, account.Member, time.Duration) (bool, error) {
	return !w.hold, w.err
}

func (w *waiting) Known(_ account.TenantID, _ account.Member, waited time.Duration) {
	w.known = append(w.known, waited)
}

type bench struct {
	tenant  *tenanttest.Memory
	waiting *waiting
	task    step.Task[events.GrantRoleGroupArgs]
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{tenant: tenanttest.NewMemory(), waiting: &waiting{}}
	upn := "svc@contoso.onmicrosoft.com"
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	b.task = step.Task[events.GrantRoleGroupArgs]{
		Account: account.Account{ObjectID: b.tenant.Put(account.User{UserPrincipalName: upn}), UserPrincipalName: upn, Origin: account.Created,
			Grants: []account.Grant{{Kind: account.RoleGroup, Target: group, Name: group, State: account.GrantPlanned, Ours: true}}},
		Tenant: account.Tenant{ID: "tid"}, Step: account.Step{FirstSeen: now.Add(-7 * time.Minute)},
		Args: events.GrantRoleGroupArgs{RoleGroup: group}, Now: now,
	}
	return b
}

func (b *bench) run() (step.Result, error) {
	res, err := grantrolegroup.New(b.tenant, b.tenant, b.waiting).Handle(context.Background(), b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	return res, err
}

func TestGrantRoleGroup(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		b := setup(t)
		_, err := b.run()
		require.NoError(t, err)
		assert.Equal(t, account.GrantGiven, b.task.Account.Grants[0].State)
		assert.Equal(t, []string{b.task.Account.ObjectID}, b.tenant.Members(group))
		assert.Equal(t, []time.Duration{7 * time.Minute}, b.waiting.known, "the policy learns how long it took")
	})
	t.Run("NotReplicatedIsAWait", func(t *testing.T) {
		b := setup(t)
		b.tenant.Replicated = func(string) bool { return false }
		_, err := b.run()
		assert.Equal(t, fault.ExchangeNotReplicated, fault.CodeOf(err))
		assert.Equal(t, fault.Waiting, fault.ClassOf(err))
		assert.Empty(t, b.waiting.known)
	})
	t.Run("AnIDEntraDoesNotKnowIsNoWait", func(t *testing.T) {
		b := setup(t)
		b.task.Account.ObjectID = "wrong"
		_, err := b.run()
		assert.Equal(t, fault.UserNotFound, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		assert.NotContains(t, b.tenant.Calls(), "AddRoleGroupMember")
	})
	t.Run("AStaleReplicaOfEntraIs", func(t *testing.T) {
		b := setup(t)
		b.task.Account.ObjectID = "wrong"
		b.task.Step.FirstSeen = b.task.Now
		_, err := b.run()
		assert.Equal(t, fault.UserNotReadable, fault.CodeOf(err))
	})
	t.Run("NoSuchRoleGroup", func(t *testing.T) {
		b := setup(t)
		b.tenant.GroupsThere = nil
		_, err := b.run()
		assert.Equal(t, fault.RoleGroupNotFound, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	})
	t.Run("ASharedLookSavesTheCall", func(t *testing.T) {
		b := setup(t)
		b.waiting.hold = true
		_, err := b.run()
		assert.Equal(t, fault.ExchangeNotReplicated, fault.CodeOf(err))
		assert.NotContains(t, b.tenant.Calls(), "AddRoleGroupMember")
	})
	t.Run("AFailedSharedLookDoesNotStopTheTry", func(t *testing.T) {
		b := setup(t)
		b.waiting.hold, b.waiting.err = true, errors.New("throttled")
		_, err := b.run()
		require.NoError(t, err)
	})
	t.Run("ReplyLostThenAgain", func(t *testing.T) {
		b := setup(t)
		lost := true
		b.tenant.After = func(op string) error {
			if op == "AddRoleGroupMember" && lost {
				lost = false
				return errors.New("connection lost")
			}
			return nil
		}
		_, err := b.run()
		require.Error(t, err)
		_, err = b.run()
		require.NoError(t, err)
		assert.Len(t, b.tenant.Members(group), 1)
	})
}

func TestAnAdoptedAccountsOwnMembershipIsNotOurs(t *testing.T) {
	for name, before := range map[string]bool{"MemberBefore": true, "NotBefore": false} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			b.task.Account.Origin = account.Adopted
			if before {
				m := account.Member{ObjectID: b.task.Account.ObjectID, UserPrincipalName: b.task.Account.UserPrincipalName}
				require.NoError(t, b.tenant.AddRoleGroupMember(context.Background(), "tid", group, m))
			}
			res, err := b.run()
			require.NoError(t, err)
			if !before {
				assert.True(t, res.Again, "the intent goes on record first")
				assert.Empty(t, b.tenant.Members(group))
				_, err = b.run()
				require.NoError(t, err)
			}
			assert.Equal(t, account.GrantGiven, b.task.Account.Grants[0].State)
			assert.Equal(t, !before, b.task.Account.Grants[0].Ours)
			assert.Len(t, b.tenant.Members(group), 1)
		})
	}
}

func TestPolicyWaitsADayAndTellsInBetween(t *testing.T) {
	p := grantrolegroup.Policy(nil)
	assert.Equal(t, 24*time.Hour, p.Patience)
	assert.Equal(t, 30*time.Minute, p.Tell)
	assert.Equal(t, 2*time.Hour, p.Alarm)
}
