package embedded

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/tenantfake"
)

// The applications that the built-in profiles name are there to be consented to.
func TestTheVendorsOfTheProfiles(t *testing.T) {
	profiles, err := profile.Load(profile.Builtin(), nil)
	require.NoError(t, err)
	for name, app := range map[string]string{"trendmicro-cas": tenantfake.ScannerAppID, "mediafly-intelligence": tenantfake.CalendarAppID} {
		p, ok := profiles.Get(name)
		require.True(t, ok)
		assert.Equal(t, app, p.Consent.AppID)
	}
	tenant, err := Open(Options{CallBack: "https://usher.example.com/consent/callback"})
	require.NoError(t, err)
	offered := tenant.Server.Tenants()[1].Registrations()
	require.Len(t, offered, 2)
	for _, r := range offered {
		assert.Equal(t, []string{"https://usher.example.com/consent/callback"}, r.RedirectURIs)
	}
	require.NoError(t, tenant.Close())
}
