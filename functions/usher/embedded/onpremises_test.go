package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	tenantID = tenantfake.DefaultTenantID
	stamp    = "usher:req"
	name     = "svc@contoso.com"
)

func makeOnPremises(t *testing.T, tenant *Tenant) account.OnPremisesUser {
	t.Helper()
	u, err := tenant.Directory.CreateOnPremises(t.Context(), tenantID, account.NewOnPremisesUser{
		OU: ActiveDirectory.OU, UserPrincipalName: name, DisplayName: "S", Stamp: stamp, Password: account.NewSecret("correct-Horse-7-battery"),
	})
	require.NoError(t, err)
	return u
}

// inEntra waits until Entra Connect has brought, or removed, the account.
func inEntra(t *testing.T, tenant *Tenant, want bool) (u tenantfake.User) {
	t.Helper()
	require.Eventually(t, func() (there bool) {
		u, there = tenant.Server.Tenants()[0].User(name)
		return there == want
	}, 10*time.Second, 5*time.Millisecond)
	return u
}

// What is made on premises comes to Entra and goes again, over a restart in between, and
// one that is made again is another account.
func TestTheDirectoryOnPremisesOutlivesTheProcess(t *testing.T) {
	o := Options{Dir: t.TempDir(), Replication: -1}
	first, err := Open(o)
	require.NoError(t, err)
	before := first.Holdings()
	made := makeOnPremises(t, first)
	assert.NotEqual(t, before, first.Holdings())
	shown := inEntra(t, first, true)
	require.NoError(t, first.Close())
	state, err := os.ReadFile(filepath.Join(o.Dir, DirectoryFile))
	require.NoError(t, err)
	assert.Contains(t, string(state), made.GUID)
	assert.NotContains(t, string(state), "correct-Horse-7-battery")

	second, err := Open(o)
	require.NoError(t, err)
	assert.Equal(t, []account.OnPremisesUser{made}, second.Directory.Users())
	assert.Equal(t, shown.ID, inEntra(t, second, true).ID)
	require.NoError(t, second.Directory.DeleteOnPremises(t.Context(), tenantID, made.GUID, stamp))
	inEntra(t, second, false)
	assert.Equal(t, before, second.Holdings())
	require.NoError(t, second.Close())

	third, err := Open(o)
	require.NoError(t, err)
	assert.NotEqual(t, made.GUID, makeOnPremises(t, third).GUID)
	assert.NotEqual(t, shown.ID, inEntra(t, third, true).ID)
	require.NoError(t, third.Close())
}

// A killed process closes nothing: what Entra Connect brought is on disk all the same.
func TestWhatEntraConnectBroughtIsKept(t *testing.T) {
	dir := t.TempDir()
	tenant, err := Open(Options{Dir: dir, Replication: -1})
	require.NoError(t, err)
	makeOnPremises(t, tenant)
	id := inEntra(t, tenant, true).ID
	require.Eventually(t, func() bool {
		state, err := os.ReadFile(filepath.Join(dir, StateFile))
		return err == nil && strings.Contains(string(state), id)
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, tenant.Close())
}
