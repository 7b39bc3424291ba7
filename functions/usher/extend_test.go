package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
)

func TestExtendAndNotices(t *testing.T) {
	s := newShell(t)
	s.ok("request", "-f", "events/samples/onboard-sam360.json")
	var accounts []console.Account
	s.json(&accounts, "list", "--accounts")
	require.Len(t, accounts, 1)
	assert.Contains(t, s.ok("notices", "--all"), "No notices.")

	name := accounts[0].UserPrincipalName
	for _, args := range [][]string{
		{"extend", name, "--until", "soon", "--by", "jane@contoso.com", "--reason", "r"},
		{"extend", name, "--until", "2099-01-01", "--by", "jane@contoso.com"},
	} {
		assert.Equal(t, exitUsage, s.run(args...).code, args)
	}
	r := s.run("extend", name, "--review", time.Now().AddDate(0, 0, 30).Format(time.DateOnly), "--by", "jane@contoso.com", "--reason", "still in use")
	assert.Zero(t, r.code, "%+v", r)
	assert.Contains(t, r.out, "Done; nothing had to be changed in the tenant.")
}
