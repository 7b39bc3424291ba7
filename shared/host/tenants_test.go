package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

func TestTenantsLearn(t *testing.T) {
	ts := NewTenants([]account.Tenant{{Alias: "a", ID: "1"}, {Alias: "b", ID: "2", Domains: []string{"b.example"}}})
	require.Len(t, ts.Unknown(), 1)
	ts.Learn("1", []string{"a.onmicrosoft.com"})
	assert.Empty(t, ts.Unknown())
	found, ok := ts.Find("1")
	assert.True(t, ok)
	assert.Equal(t, "a.onmicrosoft.com", found.InitialDomain())
	_, ok = ts.Find("3")
	assert.False(t, ok)
}
