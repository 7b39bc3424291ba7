package revoke_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

// accessPolicies notes what is asked of it.
type accessPolicies struct {
	asked []string
	err   error
}

func (a *accessPolicies) SetExcluded(_ context.Context, _ account.TenantID, policy, user string, excluded bool) error {
	if !excluded {
		a.asked = append(a.asked, policy+" "+user)
	}
	return a.err
}

func excluded() step.Task[events.RevokeArgs] {
	return step.Task[events.RevokeArgs]{
		Account: account.Account{ObjectID: "id-1", UserPrincipalName: upn, Grants: []account.Grant{
			{Kind: account.Exclusion, Target: "policy-1", Name: "MFA for all", State: account.GrantGiven, Ours: true},
			{Kind: account.Exclusion, Target: "policy-2", Name: "Devices", State: account.GrantGiven},
		}},
		Args: events.RevokeArgs{Part: events.RevokeExclusion, Target: "policy-1"}, Tenant: account.Tenant{ID: "tid"}, Now: now,
	}
}

func TestAnExclusionEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		edit  func(*step.Task[events.RevokeArgs])
		err   error
		says  string
		state account.GrantState
		asked int
	}{
		"ours":            {nil, nil, `No longer excluded from "MFA for all"`, account.GrantTaken, 1},
		"policy gone":     {nil, fault.Stopf(fault.AccessPolicyNotFound, "gone"), "is gone itself", account.GrantTaken, 1},
		"never made":      {func(t *step.Task[events.RevokeArgs]) { t.Account.ObjectID = "" }, nil, "never made", account.GrantTaken, 0},
		"not ours":        {func(t *step.Task[events.RevokeArgs]) { t.Account.Grants[0].Ours = false }, nil, "as before us", account.GrantGiven, 0},
		"adopted":         {func(t *step.Task[events.RevokeArgs]) { t.Account.Origin = account.Adopted }, nil, "No longer excluded", account.GrantTaken, 1},
		"never confirmed": {func(t *step.Task[events.RevokeArgs]) { t.Account.Grants[0].State = account.GrantIntended }, nil, "No longer excluded", account.GrantTaken, 1},
	} {
		t.Run(name, func(t *testing.T) {
			task, policies := excluded(), &accessPolicies{err: tt.err}
			if tt.edit != nil {
				tt.edit(&task)
			}
			res, err := revoke.New(revoke.Options{}).Pass(revoke.NewExclusions(policies).Handle, events.RevokeExclusion).Handle(context.Background(), task)
			require.NoError(t, err)
			if res.Learn != nil {
				res.Learn(&task.Account)
			}
			assert.Contains(t, res.Detail, tt.says)
			assert.Equal(t, tt.state, task.Account.Grants[0].State)
			assert.Equal(t, account.GrantGiven, task.Account.Grants[1].State)
			assert.Len(t, policies.asked, tt.asked)
		})
	}
}

func TestAnExclusionThatCannotBeEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		edit  func(*step.Task[events.RevokeArgs])
		err   error
		code  fault.Code
		class fault.Class
	}{
		"no target":    {func(t *step.Task[events.RevokeArgs]) { t.Args.Target = "" }, nil, fault.MalformedCommand, fault.Permanent},
		"every target": {func(t *step.Task[events.RevokeArgs]) { t.Args.Target = account.EveryPolicy }, nil, fault.MalformedCommand, fault.Permanent},
		"unknown":      {func(t *step.Task[events.RevokeArgs]) { t.Args.Target = "policy-9" }, nil, fault.MalformedCommand, fault.Permanent},
		"on hold":      {func(t *step.Task[events.RevokeArgs]) { t.Account.Hold = account.Hold{Reason: "in use"} }, nil, fault.AccountHeld, fault.Permanent},
		"throttled":    {nil, fault.Retry(fault.Throttled, 0, errors.New("429")), fault.Throttled, fault.Waiting},
		"changed":      {nil, fault.Retry(fault.AccessPolicyChanged, 0, errors.New("x")), fault.AccessPolicyChanged, fault.Transient},
		"not shown":    {nil, fault.NotReadyf(fault.ExclusionNotVisible, "x"), fault.ExclusionNotVisible, fault.Waiting},
	} {
		t.Run(name, func(t *testing.T) {
			task := excluded()
			if tt.edit != nil {
				tt.edit(&task)
			}
			h := revoke.New(revoke.Options{}).Pass(revoke.NewExclusions(&accessPolicies{err: tt.err}).Handle, events.RevokeExclusion)
			_, err := h.Handle(context.Background(), task)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			assert.Equal(t, tt.class, fault.ClassOf(err))
		})
	}
}
