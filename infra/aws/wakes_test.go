package aws

import (
	"encoding/json"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
)

// TestEveryStepMayWakeTheNext walks the plans of the samples: who ends a step sends the
// command of the next one, and a failure begins the compensation.
func TestEveryStepMayWakeTheNext(t *testing.T) {
	known, err := profile.Load(profile.Builtin(), nil)
	require.NoError(t, err)
	names, err := fs.Glob(samples.Files, "onboard-*.json")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	tenant := account.Tenant{Alias: "contoso", Domains: []string{"contoso.onmicrosoft.com", "contoso.com"}, ActiveDirectory: account.ActiveDirectory{BaseDN: "DC=corp,DC=contoso,DC=com"}}
	for _, name := range names {
		req := request(t, name)
		p, found := known.Get(req.Profile)
		require.True(t, found, name)
		planned, err := profile.Plan(p, req, tenant, time.Now())
		require.NoError(t, err, name)
		for i := range planned.Account.Grants {
			planned.Account.Grants[i].Ours, planned.Account.Grants[i].State = true, account.GrantGiven
		}
		taken := profile.Revocation(planned.Account, events.Offboard{})
		back := profile.Restoration(account.Request{Steps: tried(taken)}, planned.Account)

		mayFollow(t, "intake", planned.Steps[0].Function)
		mayFollow(t, "intake", taken[0].Function)
		mayFollow(t, "console", planned.Steps[0].Function)
		mayFollow(t, "console", back[0].Function)
		for _, steps := range [][]account.Step{planned.Steps, taken, back} {
			for i, s := range steps {
				mayFollow(t, s.Function, events.Notify)
				mayFollow(t, s.Function, taken[0].Function)
				if i > 0 {
					mayFollow(t, steps[i-1].Function, s.Function)
				}
			}
		}
	}
}

func mayFollow(t *testing.T, from, to string) {
	t.Helper()
	assert.True(t, from == to || slices.Contains(wakes(from), to), "%s must be able to wake %s", from, to)
}

func request(t *testing.T, name string) (req events.Request) {
	t.Helper()
	text, err := samples.Files.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &req), name)
	return req
}

// tried are steps that were tried once.
func tried(steps []account.Step) []account.Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].Attempt = 1
	}
	return steps
}
