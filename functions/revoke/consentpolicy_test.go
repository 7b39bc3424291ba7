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
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/tenanttest"
)

var (
	policyBefore = account.ConsentPolicy{Days: 14}
	policySet    = account.ConsentPolicy{Enabled: true, Days: 30, Reviewers: []account.Reviewer{{Kind: account.ReviewerUser, ID: "u"}}}
)

// withPolicy is a connection that set the tenant's consent policy.
func withPolicy(t *testing.T) *bench {
	t.Helper()
	b := &bench{tenant: tenanttest.NewMemory()}
	b.task = step.Task[events.RevokeArgs]{
		Args: events.RevokeArgs{Part: events.RevokeConsentPolicy, Target: account.ConsentRequestPolicy, Name: "the policy"},
		Account: account.Account{UserPrincipalName: upn, TriedAt: now.Add(-time.Hour), Grants: []account.Grant{
			{Kind: account.ConsentPolicySetting, Target: account.ConsentRequestPolicy, State: account.GrantGiven, Ours: true},
		}},
		Tenant: account.Tenant{ID: "tid"}, Now: now,
	}
	b.task.Account.PolicyChange = &account.PolicyChange{Before: policyBefore, Set: policySet}
	b.havePolicy(t, policySet)
	return b
}

func (b *bench) havePolicy(t *testing.T, p account.ConsentPolicy) {
	t.Helper()
	_, err := b.tenant.SetConsentPolicy(context.Background(), "tid", p)
	require.NoError(t, err)
}

func (b *bench) policyOnce() (step.Result, error) {
	res, err := revoke.NewConsentSetting(b.tenant).Handle(context.Background(), b.task)
	if res.Learn != nil {
		res.Learn(&b.task.Account)
	}
	return res, err
}

func (b *bench) putBack(t *testing.T) step.Result {
	t.Helper()
	for range 10 {
		if res, err := b.policyOnce(); err == nil && !res.Again {
			return res
		}
	}
	require.Fail(t, "it was never done")
	return step.Result{}
}

func (b *bench) policy(t *testing.T) account.ConsentPolicy {
	t.Helper()
	p, err := b.tenant.ConsentPolicy(context.Background(), "tid")
	require.NoError(t, err)
	return p
}

func TestTheConsentPolicyIsPutBack(t *testing.T) {
	b := withPolicy(t)
	res, err := b.policyOnce()
	require.NoError(t, err)
	assert.True(t, res.Again, "that it was seen goes on record first")
	assert.Equal(t, policySet, b.policy(t))
	assert.Contains(t, b.putBack(t).Detail, "days until a request expires: 30 -> 14")
	assert.Equal(t, policyBefore, b.policy(t))
	assert.Equal(t, account.GrantTaken, b.task.Account.Grants[0].State)
	assert.Contains(t, b.putBack(t).Detail, "as it was before", "a replay changes nothing")
}

func TestEveryCrashPutsThePolicyBack(t *testing.T) {
	for at := range 5 {
		for _, after := range []bool{false, true} {
			b, n := withPolicy(t), 0
			hook := func(string) error {
				if n++; n == at+1 {
					return errors.New("connection lost")
				}
				return nil
			}
			if after {
				b.tenant.After = hook
			} else {
				b.tenant.Before = hook
			}
			b.putBack(t)
			b.tenant.Before, b.tenant.After = nil, nil
			assert.Equal(t, policyBefore, b.policy(t), "%d %v", at, after)
		}
	}
}

func TestAPolicyThatSomebodyChangedStays(t *testing.T) {
	b := withPolicy(t)
	theirs := policySet
	theirs.Mails = true
	b.havePolicy(t, theirs)
	res := b.putBack(t)
	assert.Contains(t, res.Detail, "stays: somebody changed it since it was set (reviewers are told by mail: false -> true)")
	assert.Equal(t, theirs, b.policy(t))
	g := b.task.Account.Grants[0]
	assert.Equal(t, account.GrantTaken, g.State)
	assert.False(t, g.Ours, "an undo leaves it as well")
}

func TestAnEarlierChangeOfOursIsPutBackToo(t *testing.T) {
	b := withPolicy(t)
	later := policySet
	later.Days = 45
	b.task.Account.PolicyChange = &account.PolicyChange{Before: policyBefore, Set: later, Over: &policySet}
	b.putBack(t)
	assert.Equal(t, policyBefore, b.policy(t))
}

func TestAPolicyThatNeverShowed(t *testing.T) {
	b := withPolicy(t)
	b.havePolicy(t, policyBefore)
	b.task.Account.Grants[0].State, b.task.Account.TriedAt = account.GrantIntended, now.Add(-time.Minute)
	_, err := b.policyOnce()
	assert.Equal(t, fault.ConsentPolicyNotVisible, fault.CodeOf(err), "the change may still turn up")
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	b.task.Account.TriedAt = now.Add(-time.Hour)
	b.putBack(t)
	assert.Equal(t, policyBefore, b.policy(t))

	b.task.Account.PolicyChange = nil
	_, err = b.policyOnce()
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(err))
}
