package assignrole_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenanttest"
)

// crowded is a tenant where somebody else makes another Global Administrator at the same time.
type crowded struct {
	*tenanttest.Memory
	t *testing.T
}

func (c crowded) another() {
	_, err := c.Memory.AssignRole(context.Background(), "tid", c.Put(account.User{}), account.GlobalAdministrator)
	require.NoError(c.t, err)
}

func (c crowded) AssignRole(ctx context.Context, t account.TenantID, principal, role string) (string, error) {
	id, err := c.Memory.AssignRole(ctx, t, principal, role)
	c.another()
	return id, err
}

// Two requests found room for one Global Administrator; none of them keeps the ninth.
func TestGlobalAdministratorsMadeAtOnceAreCountedAgain(t *testing.T) {
	tenant, task := setup(t)
	task.Account.Grants[0].Target = account.GlobalAdministrator
	task.Args = events.AssignRoleArgs{RoleID: account.GlobalAdministrator, Role: "Global Administrator"}
	c := crowded{tenant, t}
	for range 7 {
		c.another()
	}
	for range 2 { // also when the reply was lost
		_, err := handler(c).Handle(t.Context(), task)
		assert.Equal(t, fault.GlobalAdminCount, fault.CodeOf(err))
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
	task.Account.Grants[0].State = account.GrantGiven
	_, err := handler(c).Handle(t.Context(), task)
	require.NoError(t, err, "one that was given before is not taken for a new one")
	task.Account.Grants[0].State, task.Account.Grants[0].Ours = account.GrantPlanned, false
	_, err = handler(c).Handle(t.Context(), task)
	require.NoError(t, err, "nor one that was there before us")
}
