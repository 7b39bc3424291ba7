package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// TestWhatIsMissingInTheTenant takes something away that an onboarding needs: the
// request fails with the code that names it, the ticket hears how to put it right,
// and no account is left behind.
func TestWhatIsMissingInTheTenant(t *testing.T) {
	graph := []string{"User.ReadWrite.All", "RoleManagement.ReadWrite.Directory", "Domain.Read.All"}
	exchange := []string{"Exchange.ManageAsApp"}
	for name, tt := range map[string]struct {
		take func(*tenantfake.Tenant)
		code fault.Code
	}{
		"Credential":     {func(t *tenantfake.Tenant) { t.SetSecret(tenantfake.DefaultClientID, "another") }, fault.CredentialInvalid},
		"Consent":        {func(t *tenantfake.Tenant) { t.SetTokenError(tenantfake.DefaultClientID, 700016) }, fault.ConsentMissing},
		"UserPermission": {func(t *tenantfake.Tenant) { t.SetPermissions(tenantfake.DefaultClientID, graph[2:], exchange) }, fault.PermissionMissing},
		"RolePermission": {func(t *tenantfake.Tenant) {
			t.SetPermissions(tenantfake.DefaultClientID, []string{graph[0], graph[2]}, exchange)
		}, fault.PermissionMissing},
		"ExchangePermission":    {func(t *tenantfake.Tenant) { t.SetPermissions(tenantfake.DefaultClientID, graph, nil) }, fault.ExchangeAccessMissing},
		"ExchangeDirectoryRole": {func(t *tenantfake.Tenant) { t.SetDirectoryRoles(tenantfake.DefaultClientID) }, fault.ExchangeAccessMissing},
		"RoleGroup":             {func(*tenantfake.Tenant) {}, fault.RoleGroupNotFound},
	} {
		for engine, on := range map[string]func(*world) engines{"SQLite": onSQLite, "ServiceBus": onServiceBus} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { runMissing(t, on, tt.take, tt.code) })
			})
		}
	}
}

func runMissing(t *testing.T, on func(*world) engines, take func(*tenantfake.Tenant), code fault.Code) {
	s := quiet(t, on)
	users, roles := len(s.tenant.Users()), len(s.tenant.RoleAssignments())
	take(s.tenant)
	if code != fault.RoleGroupNotFound {
		roles = len(s.tenant.RoleAssignments())
	}
	p := s.boot()
	asked := &person{s, 0}
	request := map[string]any{"profile": "sam360", "account": map[string]any{"mode": "create", "userName": "svc0"}}
	if code == fault.RoleGroupNotFound {
		request["access"] = map[string]any{"exchangeRoleGroups": []string{missingGroup}}
	}
	asked.dress(request, "onboard", "T0")
	answer := asked.send(request)
	if answer.Status == intake.Parked {
		s.approve(answer.RequestID)
	}
	time.Sleep(8 * time.Hour)

	s.expect(p, answer, account.Failed)
	last := s.told[len(s.told)-1]
	assert.Equal(t, events.StatusFailed, last.Data.Status)
	assert.Equal(t, string(code), last.Data.FaultCode)
	assert.NotEmpty(t, last.Data.NextAction, "the ticket says what to do")
	assert.Len(t, s.tenant.Users(), users, "no account is left")
	assert.Len(t, s.tenant.RoleAssignments(), roles)
	dead, err := p.queue.Dead(s.ctx, "")
	require.NoError(t, err)
	require.NotEmpty(t, dead)
	assert.Equal(t, string(code), dead[0].Reason)
	p.bury()
	synctest.Wait()
	s.close()
}

// quiet is a world in which nothing fails by chance.
func quiet(t *testing.T, on func(*world) engines) *story {
	w := newWorld(t, 1, on)
	w.calm.Store(true)
	w.tenant.SetReplication(20 * time.Minute)
	return newStory(w)
}
