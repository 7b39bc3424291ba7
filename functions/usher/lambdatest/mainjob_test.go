package lambdatest

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/queue/servicebus"
	"github.com/usher365/usher/shared/servicebusfake"
)

const upn = "sam360reports@contoso.onmicrosoft.com"

// The main job: a ticket in, an account, and gone again, and a night; each function a
// process of its own that is frozen whenever it has nothing to do.
func TestMainJob(t *testing.T) {
	s := newScene(t)
	s.start(functions...)
	began := time.Now()
	request := s.post("intake.apigateway")
	s.await(request, "succeeded")
	t.Logf("onboarded in %s", time.Since(began).Round(time.Millisecond))
	u, there := s.tenant.User(upn)
	require.True(t, there)
	assert.Equal(t, []string{"Service Support Administrator"}, s.tenant.RolesOf(upn))
	assert.Equal(t, []string{u.ID}, s.tenant.RoleGroupMembers("View-Only Organization Management"))

	s.night()

	s.await(s.post("intake.functionurl"), "succeeded")
	assert.Len(t, s.tenant.Users(), s.tenant.UsersBefore)
	assert.Len(t, s.tenant.DeletedUsers(), 1)
	assert.Len(t, s.tenant.RoleAssignments(), s.tenant.RolesBefore)
	for _, name := range events.Functions() {
		// A request is over before its last message is settled, and before its ticket has heard.
		s.until("the last message on "+name, func() bool { return s.bus.Depth(name) == servicebusfake.Depth{} })
	}
	assert.Equal(t, map[string]float64{"map[fault_code:none function:create outcome:done]": 1}, s.fn["create"].told("usher_deliveries_total"))
	assert.Contains(t, s.fn["fullsync"].told("usher_sync_age_seconds"), "map[tenant:contoso]")
	assert.Contains(t, s.fn["notify"].told("usher_queue_oldest_due_seconds"), "map[queue:notify]")
}

// night fires the nightly schedule, twice, as it may.
func (s *scene) night() {
	s.Helper()
	var runs []struct {
		RequestID string
		Findings  []any
	}
	for range 2 {
		got := s.fn["fullsync"].invoke(sample(s.T, "fullsync.schedule"))
		require.False(s, got.failed, "%s", got.body)
	}
	s.until("the sync", func() bool {
		s.api("/api/sync", &runs)
		return len(runs) > 0
	})
	require.Len(s, runs, 1, "a schedule that fires twice starts one sync")
	assert.Empty(s, runs[0].Findings)
}

// A signature is over the bytes that were sent, also when they come in base64; and who
// has no token sees nothing.
func TestTheDoors(t *testing.T) {
	s := newScene(t)
	s.start("intake", "console")
	for _, name := range []string{"intake.apigateway", "intake.functionurl"} {
		got := s.ask("intake", name, func(map[string]any) {}, nil)
		assert.Equal(t, http.StatusUnauthorized, got.StatusCode, "the sample's own signature is made up: %s", got.Body)
		got = s.ask("intake", name, func(e map[string]any) { s.sign(e); e["rawPath"] = "/webhooks/other" }, nil)
		assert.Equal(t, http.StatusNotFound, got.StatusCode)
		got = s.ask("intake", name, func(e map[string]any) {
			e["body"], e["isBase64Encoded"] = string(make([]byte, 300<<10)), false
			s.sign(e)
		}, nil)
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.StatusCode)
	}
	assert.Equal(t, http.StatusUnauthorized, s.ask("console", "console.apigateway", func(map[string]any) {}, nil).StatusCode)
	var ready struct{ Status string }
	assert.Equal(t, http.StatusOK, s.ask("console", "console.functionurl", func(map[string]any) {}, &ready).StatusCode)
	assert.Equal(t, "ready", ready.Status)
	var profiles []struct{ Name string }
	s.api("/api/profiles", &profiles)
	assert.NotEmpty(t, profiles)
	assert.Equal(t, http.StatusOK, s.apiAs(annsToken, "/api/requests", nil).StatusCode, "an approver sees what is asked")
	assert.Equal(t, http.StatusForbidden, s.apiAs(annsToken, "/api/profiles", nil).StatusCode, "and nothing else")
	failed := s.fn["console"].invoke(sample(t, "drain.schedule"))
	assert.True(t, failed.failed)
	assert.Contains(t, string(failed.body), "answers HTTP requests")
}

// A frozen function takes no message: what comes then is there for whoever is awake.
func TestAFrozenFunctionHoldsNothing(t *testing.T) {
	s := newScene(t)
	s.start("create")
	got := s.fn["create"].invoke(sample(t, "drain.envelope"))
	require.False(t, got.failed, "%s", got.body)
	assert.JSONEq(t, `{"queue":"create","deliveries":0,"active":0,"planned":0,"dead":0}`, string(got.body))
	bus, err := servicebus.New(servicebus.Options{ConnectionString: "Endpoint=sb://fake.local;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true", Dial: s.bus.Dial})
	require.NoError(t, err)
	defer func() { require.NoError(t, bus.Close()) }()
	require.NoError(t, bus.Enqueue(t.Context(), events.Create, queue.Message{ID: "m", Body: []byte("{}")}))
	for range 20 {
		require.Equal(t, servicebusfake.Depth{Active: 1}, s.bus.Depth(events.Create))
		time.Sleep(10 * time.Millisecond)
	}
	got = s.fn["create"].invoke(sample(t, "drain.wake"))
	assert.JSONEq(t, `{"queue":"create","deliveries":1,"active":0,"planned":0,"dead":1}`, string(got.body), "it is no command")
}

// What is missing is told plainly, to the one who can mend it, and the next event tries again.
func TestWithoutSettings(t *testing.T) {
	for _, name := range functions {
		t.Run(name, func(t *testing.T) {
			f := start(t, name, nil, func() {})
			for range 2 {
				payload := sample(t, "drain.schedule")
				if name == "intake" || name == "console" {
					payload = sample(t, name+".apigateway")
				}
				got := f.invoke(payload)
				if name == "intake" || name == "console" {
					assert.Contains(t, string(got.body), `"statusCode":503`)
					assert.NotContains(t, string(got.body), "USHER_")
					assert.Eventually(t, func() bool { return strings.Contains(f.output.String(), "USHER_DATABASE_URL") }, time.Second, time.Millisecond)
					continue
				}
				assert.True(t, got.failed)
				assert.Contains(t, string(got.body), "USHER_DATABASE_URL")
			}
		})
	}
}

// The end of an environment is told with SIGTERM to a process that waits for an event.
func TestStop(t *testing.T) {
	s := newScene(t)
	s.start("notify")
	require.False(t, s.fn["notify"].invoke(sample(t, "drain.schedule")).failed)
	require.Positive(t, s.bus.Connections())
	f := s.fn["notify"]
	require.NoError(t, f.process.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		f.signal(syscall.SIGCONT) // it may be frozen only now, after its answer
		return len(f.exited) > 0
	}, 10*time.Second, 10*time.Millisecond, "it did not end")
	err := <-f.exited
	f.exited <- err
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.bus.Connections() == 0 }, time.Second, 10*time.Millisecond)
}
