package revoke_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/revoke"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// Who may activate the role counts too, so that a tenant may have more than it should.
func TestGlobalAdministratorIsNotTakenForAMomentWhereItCouldNotBeGivenAgain(t *testing.T) {
	b := setup(t)
	id, err := b.tenant.AssignRole(t.Context(), "tid", b.task.Account.ObjectID, account.GlobalAdministrator)
	require.NoError(t, err)
	b.task.Account.Grants[0].Target, b.task.Account.Grants[0].AssignmentID = account.GlobalAdministrator, id
	for i := range 8 {
		other := b.tenant.Put(account.User{UserPrincipalName: fmt.Sprintf("admin%d@contoso.onmicrosoft.com", i)})
		_, err := b.tenant.AssignRole(t.Context(), "tid", other, account.GlobalAdministrator)
		require.NoError(t, err)
	}
	b.task.Args.ForReset, b.task.Request.ID = true, "req-2"
	_, err = b.run(events.RevokeRole, account.GlobalAdministrator)
	require.Equal(t, fault.GlobalAdminCount, fault.CodeOf(err))
	assert.Equal(t, account.GrantGiven, b.task.Account.Grants[0].State)
	assert.False(t, revoke.Policy.GoOn(fault.GlobalAdminCount), "no other role is taken either")

	b.task.Args.ForReset = false
	_, err = b.run(events.RevokeRole, account.GlobalAdministrator)
	assert.NoError(t, err, "for good it is taken")
}
