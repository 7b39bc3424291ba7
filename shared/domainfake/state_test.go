package domainfake_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/domainfake"
)

func TestADomainIsKeptAndLoaded(t *testing.T) {
	var kept bytes.Buffer
	first := domainfake.New()
	first.Keep = func(s domainfake.State) {
		kept.Reset()
		assert.NoError(t, s.Save(&kept))
	}
	n := account.NewOnPremisesUser{UserPrincipalName: "svc@corp.example", DisplayName: "S", Stamp: "usher:req", Password: account.NewSecret("Conforming-7")}
	made, err := first.CreateOnPremises(t.Context(), "tid", n)
	require.NoError(t, err)

	second := domainfake.New()
	require.NoError(t, second.Load(&kept))
	again, err := second.CreateOnPremises(t.Context(), "tid", n)
	require.NoError(t, err)
	assert.Equal(t, made, again)
	before, err := first.SyncedUsers(t.Context())
	require.NoError(t, err)
	after, err := second.SyncedUsers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Equal(t, []string{"account svc@corp.example in Active Directory (" + made.GUID + ")"}, second.Holdings())
}

func TestADamagedStateChangesNothing(t *testing.T) {
	for _, text := range []string{"", "{", `{"Users":[{"GUID":"none"}]}`} {
		d := domainfake.New()
		d.Put("somebody@corp.example")
		assert.ErrorContains(t, d.Load(strings.NewReader(text)), "load the domain")
		assert.Len(t, d.Users(), 1)
	}
}
