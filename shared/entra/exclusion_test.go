package entra_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

const guarded = "d7195984-0000-4000-8000-000000000001"

func guard() tenantfake.ConditionalAccessPolicy {
	return tenantfake.ConditionalAccessPolicy{
		ID: guarded, DisplayName: "MFA for all", BuiltInControls: []string{"mfa"}, IncludeGroups: []string{aGroup}, IncludeUsers: []string{adele},
		ExcludeGroups: []string{another}, ExcludeRoles: []string{"5d6b6bb7-de71-4623-b4af-96380a352509"}, ExcludeUsers: []string{diego},
	}
}

const diego = "0e0e0000-0000-4000-8000-000000000002"

func TestSetExcluded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, world, c := contoso(t)
		world.SetConditionalAccess(guard())
		world.SetThrottle(tenantfake.Throttle{Scale: 1}) // one call a second
		for range 2 {
			require.NoError(t, c.SetExcluded(ctx, tenant, guarded, adele, true))
		}
		got := world.ConditionalAccess()[0]
		assert.Equal(t, []string{diego, adele}, got.ExcludeUsers)
		modified := got.Modified
		time.Sleep(time.Minute)
		for range 2 {
			require.NoError(t, c.SetExcluded(ctx, tenant, guarded, adele, false))
		}
		got = world.ConditionalAccess()[0]
		assert.True(t, got.Modified.After(modified))
		want := guard()
		want.Modified, want.IncludeRoles = got.Modified, []string{}
		assert.Equal(t, want, got, "nothing else changed")
		assert.Empty(t, server.SchemaViolations())
	})
}

func TestSetExcludedRefused(t *testing.T) {
	_, world, c := contoso(t)
	world.SetConditionalAccess(guard())
	err := c.SetExcluded(ctx, tenant, "d7195984-0000-4000-8000-00000000ffff", adele, true)
	assert.Equal(t, fault.AccessPolicyNotFound, fault.CodeOf(err))
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(c.SetExcluded(ctx, tenant, guarded, "", true)))
	assert.Equal(t, fault.MalformedCommand, fault.CodeOf(c.SetExcluded(ctx, tenant, "..", adele, true)))
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Policy.Read.All"}, nil)
	c.Forget(tenant)
	err = c.SetExcluded(ctx, tenant, guarded, adele, true)
	assert.Equal(t, fault.PermissionMissing, fault.CodeOf(err))
	assert.ErrorContains(t, err, "Policy.ReadWrite.ConditionalAccess")
	assert.Equal(t, []string{diego}, world.ConditionalAccess()[0].ExcludeUsers)
}

// policyPage answers for one policy: reads gives the answers in turn, the last one from then on.
func policyPage(reads ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		write(w, 200, reads[0])
		if len(reads) > 1 {
			reads = reads[1:]
		}
	}
}

const (
	unlisted = `{"id":"p","state":"enabled","modifiedDateTime":"1","conditions":{"clientAppTypes":["all"],"newCondition":{"x":1},"users":{"@odata.type":"#x","includeUsers":["All"],"excludeUsers":["a","b"],"newList":["n"],"includeGuestsOrExternalUsers":null}}}`
	listed   = `{"id":"p","state":"enabled","modifiedDateTime":"2","conditions":{"clientAppTypes":["all"],"newCondition":{"x":1},"users":{"includeUsers":["All"],"excludeUsers":["b","a","` + userID + `"],"newList":["n"],"includeGuestsOrExternalUsers":null}}}`
)

func TestWhatGoesOnTheWire(t *testing.T) {
	g := newGraph(t, policyPage(unlisted, listed))
	require.NoError(t, g.client(t).SetExcluded(ctx, tenant, "p", userID, true))
	sent := g.requests()
	require.Len(t, sent, 3)
	assert.JSONEq(t, `{"conditions":{"users":{"includeUsers":["All"],"excludeUsers":["a","b","`+userID+`"],"newList":["n"]}}}`, sent[1].body,
		"the users as they are with one more, what we do not know of too, and nothing else")
}

func TestWhatAReadBackShows(t *testing.T) {
	for name, tt := range map[string]struct {
		reads []string
		code  fault.Code
		class fault.Class
	}{
		"as wanted before":       {[]string{listed}, "", 0},
		"not yet":                {[]string{unlisted}, fault.ExclusionNotVisible, fault.Waiting},
		"another state":          {[]string{unlisted, strings.Replace(listed, `"enabled"`, `"disabled"`, 1)}, fault.AccessPolicyChanged, fault.Transient},
		"another user went":      {[]string{unlisted, strings.Replace(listed, `"a",`, "", 1)}, fault.AccessPolicyChanged, fault.Transient},
		"a list was emptied":     {[]string{unlisted, strings.Replace(listed, `["n"]`, "[]", 1)}, fault.AccessPolicyChanged, fault.Transient},
		"a condition of its own": {[]string{unlisted, strings.Replace(listed, `{"x":1}`, `{"x":2}`, 1)}, fault.AccessPolicyChanged, fault.Transient},
		"no users":               {[]string{`{"id":"p"}`}, fault.AnswerNotUnderstood, fault.Transient},
		"users of another form":  {[]string{`{"id":"p","conditions":{"users":[]}}`}, fault.AnswerNotUnderstood, fault.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			err := newGraph(t, policyPage(tt.reads...)).client(t).SetExcluded(ctx, tenant, "p", userID, true)
			assert.Equal(t, tt.code, fault.CodeOf(err))
			if tt.code != "" {
				assert.Equal(t, tt.class, fault.ClassOf(err))
			}
		})
	}
}
