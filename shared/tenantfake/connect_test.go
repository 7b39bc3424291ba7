package tenantfake_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// premises is a directory on premises.
type premises struct {
	users []tenantfake.OnPremisesUser
	err   error
}

func (p *premises) SyncedUsers(context.Context) ([]tenantfake.OnPremisesUser, error) {
	return p.users, p.err
}

func onPremises(name string) tenantfake.OnPremisesUser {
	return tenantfake.OnPremisesUser{ImmutableID: "anchor-" + name, UserPrincipalName: name + "@contoso.com", DisplayName: name, Enabled: true}
}

func connected(t *testing.T, users ...tenantfake.OnPremisesUser) (*client, *premises, *tenantfake.Connector) {
	c, p := newClient(t), &premises{users: users}
	return c, p, c.tenant.Connect(p)
}

func TestASyncedUserComesChangesAndGoes(t *testing.T) {
	c, p, connect := connected(t, onPremises("svc"))
	ctx := context.Background()
	_, there := c.tenant.User("svc@contoso.com")
	require.False(t, there, "nothing comes without a cycle")
	require.NoError(t, connect.Cycle(ctx))
	found := c.get("/users?$filter=onPremisesImmutableId%20eq%20'anchor-svc'&$select=id,userPrincipalName,accountEnabled,onPremisesSyncEnabled,onPremisesImmutableId")
	u := found["value"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"svc@contoso.com", true, true, "anchor-svc"}, []any{u["userPrincipalName"], u["accountEnabled"], u["onPremisesSyncEnabled"], u["onPremisesImmutableId"]})
	id := u["id"].(string)
	for method, body := range map[string]any{"PATCH": map[string]any{"accountEnabled": false}, "DELETE": nil} {
		c.call(400, method, "/users/"+id, body)
	}
	c.call(200, "POST", "/users/"+id+"/revokeSignInSessions", nil)

	p.users[0].Enabled = false
	require.NoError(t, connect.Cycle(ctx))
	require.Equal(t, false, c.get("/users/" + id + "?$select=accountEnabled")["accountEnabled"])
	gone := p.users
	p.users, p.err = nil, errors.New("the controller is down")
	require.Error(t, connect.Cycle(ctx))
	require.Equal(t, "svc@contoso.com", c.get("/users/" + id)["userPrincipalName"], "half a list deletes nothing")
	p.err = nil
	require.NoError(t, connect.Cycle(ctx))
	require.Len(t, c.tenant.DeletedUsers(), 1)
	p.users = gone
	require.NoError(t, connect.Cycle(ctx))
	require.Equal(t, "svc@contoso.com", c.get("/users/" + id)["userPrincipalName"], "it comes back under its old id")
}

func TestNamesThatOthersHave(t *testing.T) {
	c, p, connect := connected(t)
	c.call(201, "POST", "/users", newUser("cloud"))
	mine := onPremises("cloud")
	mine.UserPrincipalName = "cloud@contoso.onmicrosoft.com"
	twice, foreign, admin := onPremises("twice"), onPremises("foreign"), onPremises("breakglass1")
	second := twice
	second.ImmutableID = "anchor-second"
	foreign.UserPrincipalName = "foreign@corp.local"
	admin.UserPrincipalName = "breakglass1@contoso.onmicrosoft.com"
	p.users = []tenantfake.OnPremisesUser{mine, twice, second, foreign, admin}
	before := len(c.tenant.Users())
	require.NoError(t, connect.Cycle(context.Background()))
	require.Len(t, c.tenant.Users(), before+3)
	names := map[string]string{}
	for _, u := range c.tenant.Users() {
		names[u.OnPremisesImmutableID] = u.UserPrincipalName
	}
	require.Equal(t, "cloud@contoso.onmicrosoft.com", names["anchor-cloud"], "a user made in the cloud is taken over")
	require.Regexp(t, `^twice[0-9a-f]{4}@contoso\.onmicrosoft\.com$`, names["anchor-second"])
	require.Equal(t, "foreign@contoso.onmicrosoft.com", names["anchor-foreign"])
	require.NotContains(t, names, "anchor-breakglass1", "an administrator is not taken over")
}

// A connector of a later process has brought what the tenant has of an earlier one.
func TestANewConnectorGoesOn(t *testing.T) {
	c, p, connect := connected(t, onPremises("stays"), onPremises("goes"))
	ctx := context.Background()
	require.NoError(t, connect.Cycle(ctx))
	next, told := c.tenant.Connect(p), 0
	next.Changed = func() { told++ }
	require.NoError(t, next.Cycle(ctx))
	require.Zero(t, told, "nothing has changed")
	p.users = p.users[:1]
	require.NoError(t, next.Cycle(ctx))
	require.Equal(t, 1, told)
	_, there := c.tenant.User("goes@contoso.com")
	require.False(t, there)
	require.Len(t, c.tenant.DeletedUsers(), 1)
}

func TestTooManyDeletionsAtOnce(t *testing.T) {
	c, p, connect := connected(t)
	for i := range 501 {
		p.users = append(p.users, onPremises(fmt.Sprint("u", i)))
	}
	require.NoError(t, connect.Cycle(context.Background()))
	before := len(c.tenant.Users())
	p.users = nil
	require.ErrorContains(t, connect.Cycle(context.Background()), "501 users")
	require.Len(t, c.tenant.Users(), before)
}

func TestTheConnectorRunsEveryHalfHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := tenantfake.New(tenantfake.Options{}).AddTenant(tenantfake.DefaultTenant())
		connect := tenant.Connect(&premises{users: []tenantfake.OnPremisesUser{onPremises("svc")}})
		connect.Lag = 5 * time.Minute
		ctx, stop := context.WithCancel(context.Background())
		go connect.Run(ctx, 0)
		time.Sleep(34 * time.Minute)
		_, there := tenant.User("svc@contoso.com")
		require.False(t, there)
		time.Sleep(2 * time.Minute)
		_, there = tenant.User("svc@contoso.com")
		require.True(t, there)
		stop()
		synctest.Wait()
	})
}
