package intake_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestSync(t *testing.T) {
	o := open(t)
	started, err := o.Sync(t.Context(), "", "timer")
	require.NoError(t, err)
	require.Len(t, started, 2)
	assert.Equal(t, account.TenantID("11111111-1111-1111-1111-111111111111"), started[0].Tenant)
	assert.Equal(t, started[0].Steps[0].Args, started[1].Steps[0].Args, "one run")
	for _, m := range o.sent.take() {
		assert.True(t, strings.HasPrefix(m, "fullsync "), m)
	}
	_, err = o.Sync(t.Context(), "contoso", "Olga")
	assert.Equal(t, fault.SyncRunning, fault.CodeOf(err))
	o.run(started[0].ID)
	started, err = o.Sync(t.Context(), "", "Olga")
	assert.Equal(t, fault.SyncRunning, fault.CodeOf(err), "fabrikam still runs")
	assert.Len(t, started, 1, "contoso is started all the same")
	_, err = o.Sync(t.Context(), "litware", "Olga")
	assert.Equal(t, fault.UnknownTenant, fault.CodeOf(err))
	_, err = o.Sync(t.Context(), "contoso", "")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
}
