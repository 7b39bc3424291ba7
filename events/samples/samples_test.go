package samples_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/shared/schema"
)

// each runs check on every sample of a folder, as read.
func each(t *testing.T, pattern string, check func(t *testing.T, name string, text []byte)) int {
	t.Helper()
	names, err := fs.Glob(samples.Files, pattern)
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		text, err := samples.Files.ReadFile(name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) { check(t, name, text) })
	}
	return len(names)
}

func compiled(t *testing.T, name, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile(name, []byte(text))
	require.NoError(t, err)
	return s
}

// roundTrip reads text into v, writes it again, and compares: nothing may get lost.
func roundTrip(t *testing.T, text []byte, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, v))
	again, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, string(text), string(again))
}

func TestRequests(t *testing.T) {
	s := compiled(t, "request", schemas.Request)
	each(t, "*.json", func(t *testing.T, _ string, text []byte) {
		require.NoError(t, s.Check(text))
		roundTrip(t, text, &events.Request{})
	})
}

func TestCommands(t *testing.T) {
	s := compiled(t, "command", schemas.Command)
	n := each(t, "commands/*.json", func(t *testing.T, name string, text []byte) {
		require.NoError(t, s.Check(text))
		var cmd events.Command
		roundTrip(t, text, &cmd)
		assert.Equal(t, "commands/"+cmd.Function+".json", name)
		roundTrip(t, cmd.Data, argsOf(cmd.Function))
	})
	assert.Len(t, events.Functions(), n, "every function has a sample")
}

func argsOf(function string) any {
	return map[string]any{
		events.Create: &events.CreateArgs{}, events.AssignRole: &events.AssignRoleArgs{},
		events.GrantRoleGroup: &events.GrantRoleGroupArgs{}, events.Revoke: &events.RevokeArgs{},
		events.AssignTargets: &events.AssignTargetsArgs{}, events.HandOver: &events.HandOverArgs{}, events.CheckFitness: &events.CheckFitnessArgs{}, events.GrantConsent: &events.GrantConsentArgs{},
		events.FullSync: &events.FullSyncArgs{}, events.Notify: &events.NotifyArgs{},
	}[function]
}

func TestStatuses(t *testing.T) {
	s := compiled(t, "status", schemas.Status)
	each(t, "status/*.json", func(t *testing.T, name string, text []byte) {
		require.NoError(t, s.Check(text))
		var status events.Status
		roundTrip(t, text, &status)
		assert.Equal(t, "status/"+string(status.Data.Status)+".json", name)
		assert.Equal(t, events.StatusTypeOf(status.Data.Status), status.Type)
	})
}

func TestEveryOnboardingHasItsOffboarding(t *testing.T) {
	each(t, "onboard-*.json", func(t *testing.T, name string, text []byte) {
		var on, off events.Request
		require.NoError(t, json.Unmarshal(text, &on))
		other, err := samples.Files.ReadFile(strings.Replace(name, "onboard-", "offboard-", 1))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(other, &off))
		assert.Equal(t, on.Account.UserName, off.Account.UserName)
		assert.Equal(t, on.Tenant, off.Tenant)
		assert.NotEqual(t, on.Ticket.ID, off.Ticket.ID)
	})
}
