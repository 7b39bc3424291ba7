package exchange_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

// lifecycle is the client against the emulator, with azidentity in between and a virtual clock.
type lifecycle struct {
	*exchange.Client
	t      *testing.T
	tenant *tenantfake.Tenant
	server *tenantfake.Server
	http   *http.Client
	secret string
	now    time.Time
}

func newLifecycle(t *testing.T, edit ...func(*tenantfake.TenantSpec)) *lifecycle {
	t.Helper()
	spec := tenantfake.DefaultTenant()
	for _, e := range edit {
		e(&spec)
	}
	l := &lifecycle{t: t, now: time.Now().UTC(), secret: tenantfake.DefaultClientSecret}
	clock := func() time.Time { return l.now }
	l.server = tenantfake.New(tenantfake.Options{Now: clock, Rand: rand.NewChaCha8([32]byte{1})})
	l.tenant = l.server.AddTenant(spec)
	l.http = &http.Client{Transport: l.server.Transport()}
	var err error
	l.Client, err = exchange.New(exchange.Options{
		Credential: l.credential, Transport: l.http, Now: clock,
		Limits: exchange.Limits{Interval: -1, InFlight: -1},
	})
	require.NoError(t, err)
	return l
}

func (l *lifecycle) credential(t account.TenantID) (azcore.TokenCredential, error) {
	return azidentity.NewClientSecretCredential(string(t), tenantfake.DefaultClientID, l.secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: policy.ClientOptions{Transport: l.http, Retry: policy.RetryOptions{MaxRetries: -1}}, DisableInstanceDiscovery: true,
	})
}

// newUser makes a user in Entra that Exchange has yet to hear of.
func (l *lifecycle) newUser(name string) account.Member {
	l.t.Helper()
	credential, err := l.credential(tenant)
	require.NoError(l.t, err)
	token, err := credential.GetToken(l.t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
	require.NoError(l.t, err)
	upn := name + "@contoso.onmicrosoft.com"
	body := `{"accountEnabled":true,"displayName":"` + name + `","mailNickname":"` + name + `","userPrincipalName":"` + upn +
		`","passwordProfile":{"password":"xWwvJ]6NMw+bWH-d","forceChangePasswordNextSignIn":false}}`
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, "https://graph.microsoft.com/v1.0/users", strings.NewReader(body))
	require.NoError(l.t, err)
	req.Header.Set("Authorization", "Bearer "+token.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.http.Do(req)
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, resp.Body.Close()) }()
	require.Equal(l.t, http.StatusCreated, resp.StatusCode)
	var made struct{ ID string }
	require.NoError(l.t, json.NewDecoder(resp.Body).Decode(&made))
	return account.Member{ObjectID: made.ID, UserPrincipalName: upn}
}

func (l *lifecycle) holds(m account.Member) bool {
	l.t.Helper()
	is, err := l.IsRoleGroupMember(l.t.Context(), tenant, viewOnly, m)
	require.NoError(l.t, err)
	return is
}

func TestLifecycle(t *testing.T) {
	l := newLifecycle(t)
	ctx := t.Context()
	require.NoError(t, l.Reach(ctx, tenant))
	m, other := l.newUser("svc-sam360"), l.newUser("svc-other")

	seen, err := l.Visible(ctx, tenant, m, other)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{m.ObjectID: false, other.ObjectID: false}, seen)
	err = l.AddRoleGroupMember(ctx, tenant, viewOnly, m)
	assert.True(t, fault.Is(err, fault.ExchangeNotReplicated), "%v", err)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	assert.False(t, l.holds(m))

	l.now = l.now.Add(21 * time.Minute)
	seen, err = l.Visible(ctx, tenant, m, other)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{m.ObjectID: true, other.ObjectID: true}, seen)
	for range 2 {
		require.NoError(t, l.AddRoleGroupMember(ctx, tenant, viewOnly, m), "also when it is a member already")
		assert.True(t, l.holds(m))
	}
	assert.False(t, l.holds(other))
	for range 2 {
		require.NoError(t, l.RemoveRoleGroupMember(ctx, tenant, viewOnly, m), "also when it is none any more")
		assert.False(t, l.holds(m))
	}
	require.NoError(t, l.AddRoleGroupMember(ctx, tenant, viewOnly, m))
	assert.True(t, l.holds(m))
}

func TestAMissingRoleGroupIsPermanent(t *testing.T) {
	for _, all := range []bool{false, true} {
		l := newLifecycle(t)
		l.tenant.SetExchange(tenantfake.ExchangeBehaviour{UnknownIdentityReturnsAll: all})
		m := account.Member{ObjectID: "0e0e0000-0000-4000-8000-000000000001", UserPrincipalName: "AdeleV@contoso.com"}
		require.True(t, l.tenant.AddRoleGroupMemberByHand("Help Desk", m.ObjectID))
		const none = "No Such Group"

		_, err := l.IsRoleGroupMember(t.Context(), tenant, none, m)
		assert.True(t, fault.Is(err, fault.RoleGroupNotFound), "%v", err)
		for _, err := range []error{
			l.AddRoleGroupMember(t.Context(), tenant, none, m), l.RemoveRoleGroupMember(t.Context(), tenant, none, m),
		} {
			assert.True(t, fault.Is(err, fault.RoleGroupNotFound), "%v", err)
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
		}
	}
}

func TestAMissingGrantIsNamed(t *testing.T) {
	none := newLifecycle(t, func(s *tenantfake.TenantSpec) { s.Apps[0].Exchange, s.Apps[0].DirectoryRoles = nil, nil })
	err := none.Reach(t.Context(), tenant)
	assert.True(t, fault.Is(err, fault.ExchangeAccessMissing), "%v", err)
	assert.ErrorContains(t, err, "Exchange.ManageAsApp")

	noRole := newLifecycle(t, func(s *tenantfake.TenantSpec) { s.Apps[0].DirectoryRoles = nil })
	err = noRole.Reach(t.Context(), tenant)
	assert.True(t, fault.Is(err, fault.ExchangeAccessMissing), "%v", err)
	assert.ErrorContains(t, err, "Exchange Administrator")
}

func TestAWrongSecretAndAnUnknownTenantAreNamed(t *testing.T) {
	l := newLifecycle(t)
	err := l.Reach(t.Context(), "11111111-1111-1111-1111-111111111111")
	assert.True(t, fault.Is(err, fault.TenantNotFound), "%v", err)

	l.secret = "not-the-secret"
	err = l.Reach(t.Context(), tenant)
	assert.True(t, fault.Is(err, fault.CredentialInvalid), "%v", err)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	assert.NotContains(t, err.Error(), l.secret)
}

func TestALongRoleGroupIsListedWhollyOrNotAtAll(t *testing.T) {
	l := newLifecycle(t)
	l.tenant.AddUsers(2500)
	var last account.Member
	for _, u := range l.tenant.Users() {
		if strings.HasPrefix(u.UserPrincipalName, "user") {
			require.True(t, l.tenant.AddRoleGroupMemberByHand(viewOnly, u.ID))
			last = account.Member{ObjectID: u.ID, UserPrincipalName: u.UserPrincipalName}
		}
	}
	members, err := l.RoleGroupMembers(t.Context(), tenant, viewOnly)
	require.NoError(t, err)
	assert.Len(t, members, 2500)
	assert.True(t, l.holds(last))

	l.tenant.SetExchange(tenantfake.ExchangeBehaviour{RefusePaging: true})
	_, err = l.IsRoleGroupMember(t.Context(), tenant, viewOnly, last)
	assert.True(t, fault.Is(err, fault.ExchangeIncomplete), "%v", err)
}
