package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheConsentPolicyIsShownAndPlanned(t *testing.T) {
	s := newShell(t).real()
	r := s.run("consent", "policy", "default")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	assert.Regexp(t, `users may ask for admin consent +false`, r.out)

	before := outside.Server.Tenants()[0].ConsentPolicy()
	r = s.run("consent", "policy", "default", "-f", "onboard-mediafly-intelligence.json")
	require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
	for _, says := range []string{"users may ask for admin consent: false -> true", "reviewer role 62e90394-69f5-4237-9190-012177145e10: added", "admin-consent-request-policy"} {
		assert.Contains(t, r.out, says)
	}
	assert.Equal(t, before, outside.Server.Tenants()[0].ConsentPolicy(), "nothing is changed")

	for _, wrong := range [][]string{
		{"consent", "policy"}, {"consent", "policy", "nowhere"}, {"consent", "policy", "default", "-f", "onboard-sam360.json"},
	} {
		assert.NotEqual(t, exitOK, s.run(wrong...).code, wrong)
	}
}
