package step_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/step"
)

// turn gives a handler's answer that brings a grant into a state.
func turn(state account.GrantState) func() (step.Result, error) {
	return func() (step.Result, error) {
		return step.Result{Learn: func(a *account.Account) { a.Grants[0].State = state }}, nil
	}
}

func TestARightWithAnAlarmIsTold(t *testing.T) {
	r := setup(t, turn(account.GrantGiven), turn(account.GrantGiven), turn(account.GrantTaken))
	rec := r.record()
	rec.Account.Tenant, rec.Account.UserPrincipalName, rec.Account.Owner.Email = "tid", "svc@contoso", "owner@contoso.com"
	rec.Account.ExpiresAt = t0.AddDate(0, 0, 30)
	rec.Account.Grants = []account.Grant{{Kind: account.DirectoryRole, Target: "ga", Name: "Global Administrator", Alert: true, State: account.GrantPlanned}}
	rec.Request.Approvals = []account.Approval{{By: "ann@contoso.com"}, {By: "bob"}}
	r.book.records["req"] = *rec

	r.deliver(r.first())
	rec = r.record()
	require.Len(t, rec.Raise, 1)
	notice := rec.Raise[0]
	require.NoError(t, notice.Check())
	assert.Equal(t, step.RoleGranted, notice.Kind)
	assert.Equal(t, "role.granted/tid/acc/role/ga", notice.Key)
	assert.Equal(t, []string{"owner@contoso.com", "ann@contoso.com"}, notice.Mail, "who approved without an address is not mailed")
	assert.Contains(t, notice.Text, "Global Administrator was given to svc@contoso until")
	assert.Contains(t, notice.Text, "approved by ann@contoso.com and bob")
	assert.Empty(t, rec.Clear)
}

func TestTheAlarmEndsWithTheRight(t *testing.T) {
	r := setup(t, turn(account.GrantTaken))
	rec := r.record()
	rec.Account.Grants = []account.Grant{{Kind: account.DirectoryRole, Target: "ga", Alert: true, State: account.GrantLeaving}}
	r.book.records["req"] = *rec
	r.deliver(r.first())
	require.Len(t, r.record().Clear, 1)
	assert.Empty(t, r.record().Raise)
}

func TestARightWithoutAnAlarmIsNotTold(t *testing.T) {
	r := setup(t, turn(account.GrantGiven))
	rec := r.record()
	rec.Account.Grants = []account.Grant{{Kind: account.DirectoryRole, Target: "reader", State: account.GrantPlanned}}
	r.book.records["req"] = *rec
	r.deliver(r.first())
	assert.Empty(t, r.record().Raise)
}
