package timeline

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// onboarding is a request of which two steps are done; grant says how the third stands.
func onboarding(state account.State, grant console.Step) console.Request {
	grant.Name, grant.Function, grant.Title = "grantrolegroup", "grantrolegroup", "Grant View-Only Organization Management"
	return console.Request{
		ID: "rq-1", Action: account.Onboard, State: state, Over: state.Terminal(), CreatedAt: start,
		Steps: []console.Step{
			{Name: "create", Title: "Create sam360reports@contoso.onmicrosoft.com", State: account.StepDone, Attempts: 1,
				StartedAt: after(20 * time.Millisecond), FinishedAt: after(420 * time.Millisecond),
				Detail: "Made sam360reports@contoso.onmicrosoft.com, object 0f0f"},
			{Name: "assignrole", Title: "Assign Service Support Administrator", State: account.StepDone, Attempts: 2,
				StartedAt: after(500 * time.Millisecond), FinishedAt: after(1700 * time.Millisecond), Detail: "Service Support Administrator assigned"},
			grant,
		},
	}
}

var views = map[string]View{
	"accepted": {Now: after(0), Request: console.Request{State: account.Accepted, CreatedAt: start, Steps: []console.Step{
		{Title: "Create sam360", State: account.StepPending}, {Title: "Assign Security Administrator", State: account.StepPending}}}},
	"waiting": {Now: after(14 * time.Second), Usual: 20 * time.Second, Request: onboarding(account.Waits, console.Step{
		State: account.StepWaiting, Attempts: 5, StartedAt: after(2 * time.Second), NextTry: after(17 * time.Second), FaultCode: "exchange-not-replicated"})},
	"retrying": {Now: after(14 * time.Second), Request: onboarding(account.Running, console.Step{
		State: account.StepRetrying, Attempts: 3, Failures: 2, StartedAt: after(2 * time.Second), NextTry: after(13 * time.Second),
		FaultCode: "service-unavailable", Fault: "service-unavailable: Get-RoleGroup: status 503"})},
	"done": {Now: after(time.Hour), Request: onboarding(account.Succeeded, console.Step{
		State: account.StepDone, Attempts: 9, StartedAt: after(2 * time.Second), FinishedAt: after(23 * time.Second), Detail: "Member of View-Only Organization Management"})},
	"failed": {Now: after(26 * time.Hour), Request: onboarding(account.Failed, console.Step{
		State: account.StepFailed, Attempts: 40, StartedAt: after(2 * time.Second), FinishedAt: after(24*time.Hour + 2*time.Second), FaultCode: "role-group-not-found",
		Fault: "role-group-not-found: there is no role group \"View-Only Organisation\"", Remedy: "Check the role group's name in the Exchange admin centre."})},
	"grace": {Now: after(time.Hour), Request: console.Request{State: account.Waits, CreatedAt: start, Steps: []console.Step{
		{Title: "Delete sam360", State: account.StepWaiting, NextTry: after(30 * 24 * time.Hour)}, {Title: "Purge sam360", State: account.StepSkipped}}}},
}

func TestDraw(t *testing.T) {
	for name, view := range views {
		t.Run(name, func(t *testing.T) {
			golden(t, name, strings.Join(Draw(view, Look{Width: 100}), "\n")+"\n")
		})
		t.Run(name+"Colour", func(t *testing.T) {
			golden(t, name+"-colour", strings.Join(Draw(view, Look{Width: 100, Colour: true}), "\n")+"\n")
		})
		t.Run(name+"Narrow", func(t *testing.T) {
			for _, line := range Draw(view, Look{Width: 64}) {
				assert.LessOrEqual(t, utf8.RuneCountInString(line), 64, "%q", line)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	names := []string{"accepted", "waiting", "waiting", "retrying", "failed", "grace"}
	var before console.Request
	var b strings.Builder
	for _, name := range names {
		view := views[name]
		b.WriteString("# " + name + "\n")
		for _, line := range Changes(before, view.Request, view.Now) {
			b.WriteString(line + "\n")
		}
		before = view.Request
	}
	golden(t, "changes", b.String())
}

func TestScreenDrawsOverItself(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out)
	require.NoError(t, s.Show([]string{"one", "two"}))
	require.NoError(t, s.Show([]string{"three"}))
	assert.Equal(t, "\rone\x1b[K\n\rtwo\x1b[K\n\x1b[J\x1b[2A\rthree\x1b[K\n\x1b[J", out.String())
}
