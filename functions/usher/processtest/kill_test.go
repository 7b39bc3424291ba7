package processtest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/tenantfake"
)

const upn = "sam360reports@contoso.onmicrosoft.com"

// TestKilledAfterEachCall plays an onboarding and an offboarding, kills the process
// with SIGKILL right after one call took effect in the tenant and before its answer
// came, starts it again, and expects the same end; for every call in turn.
func TestKilledAfterEachCall(t *testing.T) {
	calls := playKilledAt(t, 0)
	require.Greater(t, calls, 20, "a life makes calls")
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprint("call=", n), func(t *testing.T) {
			t.Parallel()
			playKilledAt(t, n)
		})
	}
}

// playKilledAt kills the process at the nth call (never at 0) and gives the number of calls made.
func playKilledAt(t *testing.T, n int) int {
	s := newScene(t)
	var calls atomic.Int64
	s.tenant.Server.Subscribe(func(tenantfake.Call) {
		if calls.Add(1) == int64(n) {
			s.kill()
		}
	})
	s.start()
	onboarding := s.post("onboard-sam360.json")
	s.await(onboarding, "succeeded")
	s.expectReady()
	s.await(s.post("offboard-sam360.json"), "succeeded")
	s.expectNothingLeft()
	s.stop()
	if n > 0 {
		assert.GreaterOrEqual(t, int(calls.Load()), n, "it was killed")
		assert.Equal(t, 2, s.starts, "one death, one restart")
	}
	return int(calls.Load())
}

// expectReady finds exactly one account of ours, with its role, its role group and the sealed password.
func (s *scene) expectReady() {
	s.Helper()
	u, there := s.tenant.User(upn)
	require.True(s, there)
	assert.True(s, u.AccountEnabled)
	assert.Equal(s, []string{"Service Support Administrator"}, s.tenant.RolesOf(upn))
	assert.Equal(s, []string{u.ID}, s.tenant.RoleGroupMembers("View-Only Organization Management"))
	assert.Len(s, s.tenant.Users(), s.tenant.UsersBefore+1)
	assert.Empty(s, s.tenant.DeletedUsers())
}

func (s *scene) expectNothingLeft() {
	s.Helper()
	assert.Len(s, s.tenant.Users(), s.tenant.UsersBefore)
	assert.Len(s, s.tenant.DeletedUsers(), 1, "one account was made, and it lies in the recycle bin")
	assert.Empty(s, s.tenant.RoleGroupMembers("View-Only Organization Management"))
	assert.Len(s, s.tenant.RoleAssignments(), s.tenant.RolesBefore)
}

// sample reads one of the sample requests.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	body, err := samples.Files.ReadFile(name)
	require.NoError(t, err)
	return body
}
