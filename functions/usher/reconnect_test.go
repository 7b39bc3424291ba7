package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/functions/usher/timeline"
	"github.com/usher365/usher/shared/tenantfake"
)

func TestReconnectSaysWhatIsWrongAndWhatCuresIt(t *testing.T) {
	s := newShell(t).real()
	r := s.run("reconnect", "default")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	assert.Contains(t, r.out, "default is connected")

	s.env["AZURE_CLIENT_ID"] = "00000000-0000-0000-0000-00000000abcd"
	r = s.run("reconnect", "default")
	assert.Equal(t, exitRefused, r.code)
	assert.Contains(t, r.out, "adminconsent?client_id=")
	assert.NotContains(t, r.out, "press Enter", "nobody sits at a terminal")
	assert.NotEqual(t, exitOK, s.run("reconnect", "nowhere").code)
	assert.Equal(t, exitUsage, s.run("reconnect").code)
}

// At a terminal it looks again after every Enter, until nothing is wrong.
func TestReconnectLooksAgain(t *testing.T) {
	s := newShell(t).real()
	tenant := outside.Server.Tenants()[0]
	require.True(t, tenant.SetDirectoryRoles(tenantfake.DefaultClientID))
	healed := func() { tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "Exchange Administrator") }
	t.Cleanup(healed)
	var out bytes.Buffer
	p := &program{
		env: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }, dataDir: s.dir,
		stdout: &out, stderr: &out, live: true, look: timeline.Look{},
	}
	answers := bufio.NewReader(&healing{Reader: strings.NewReader("\n"), heal: healed})
	require.NoError(t, p.reconnect(t.Context(), "default", answers), out.String())
	assert.Contains(t, out.String(), "Roles and administrators")
	assert.Contains(t, out.String(), "press Enter")
	assert.Contains(t, out.String(), "default is connected")

	require.True(t, tenant.SetDirectoryRoles(tenantfake.DefaultClientID))
	assert.Error(t, p.reconnect(t.Context(), "default", bufio.NewReader(strings.NewReader(""))), "nobody answers any more")
}

// healing is a person who does what was said, and then presses Enter.
type healing struct {
	*strings.Reader
	heal func()
}

func (h *healing) Read(b []byte) (int, error) {
	h.heal()
	return h.Reader.Read(b)
}

// What the probe tells is shown with what cures it, and is over when another look finds it mended.
func TestReconnectEndsNotices(t *testing.T) {
	s := newShell(t).real()
	tenant := outside.Server.Tenants()[0]
	s.run("request", "-f", "events/samples/onboard-sam360.json") // begins the ledger
	assert.Contains(t, s.ok("reconnect", "default"), "default is connected")
	require.True(t, tenant.SetDisabledByHand(tenantfake.DefaultConsentsClientID, true))
	t.Cleanup(func() { tenant.SetDisabledByHand(tenantfake.DefaultConsentsClientID, false) })
	r := s.run("reconnect", "default")
	assert.NotEqual(t, exitOK, r.code)
	assert.Contains(t, r.out, "credential.invalid")
	assert.Contains(t, r.out, "enable it under Enterprise applications")
	assert.Contains(t, s.ok("notices"), "credential.invalid")

	tenant.SetDisabledByHand(tenantfake.DefaultConsentsClientID, false)
	assert.Contains(t, s.ok("reconnect", "default"), "default is connected")
	assert.Contains(t, s.ok("notices"), "No notices.")

	r = s.run("reconnect", "nobody@contoso.onmicrosoft.com")
	assert.NotEqual(t, exitOK, r.code)
	assert.Contains(t, r.err, "nobody@contoso.onmicrosoft.com")
}

// What may be gone is not said to be there: the connection was made a moment ago, so that
// nobody is told of it yet either.
func TestReconnectSaysWhatItDoesNotKnow(t *testing.T) {
	const connection = "trendmicro-cas@contoso.onmicrosoft.com"
	s := newShell(t).real()
	s.env["USHER_APPROVERS"] = "ann@contoso.com"
	tenant := outside.Server.Tenants()[0]
	t.Cleanup(func() { tenant.RemoveApp(tenantfake.ScannerAppID) })
	s.run("request", "-f", "onboard-trendmicro-cas.json")
	var requests []console.Request
	s.json(&requests, "list")
	require.Len(t, requests, 1)
	s.ok("approve", requests[0].ID, "--by", "ann@contoso.com")
	assert.Contains(t, s.ok("reconnect", connection), connection+" is connected")

	require.True(t, tenant.RemoveApp(tenantfake.ScannerAppID))
	r := s.run("reconnect", connection)
	assert.Equal(t, exitWaiting, r.code, "%s%s", r.out, r.err)
	assert.NotContains(t, r.out, "is connected")
	assert.Contains(t, r.err, "not known now: the consent of "+connection+": application "+tenantfake.ScannerAppID+" is gone")
	assert.Contains(t, s.ok("notices"), "No notices.")
}

func TestWhatIsNotKnownOfAnotherConnection(t *testing.T) {
	all := []string{"the consent of my-scan@contoso.com: not now", "the consent of scan@contoso.com: gone, perhaps"}
	assert.Equal(t, all[1:], unknownOf(console.Account{UserPrincipalName: "scan@contoso.com"}, all))
}
