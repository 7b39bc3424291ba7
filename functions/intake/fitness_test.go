package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestCandidate(t *testing.T) {
	o := open(t)
	acc, args, err := o.Candidate(text(t, request(t, "onboard-kaspersky-new")))
	require.NoError(t, err)
	assert.Equal(t, acc.UserPrincipalName, args.UserPrincipalName)
	assert.True(t, args.Excludes)
	assert.True(t, args.Needs.Unattended)
	assert.False(t, args.Existing)
	assert.Empty(t, o.sent.take(), "nothing is taken")

	again := o.Standing(account.Account{UserPrincipalName: acc.UserPrincipalName, Profile: "practice-protect-mail-redirect"})
	assert.True(t, again.Existing)
	assert.False(t, again.Needs.Unattended)
	assert.Equal(t, "warn", o.Standing(account.Account{Profile: "gone"}).Mode)

	needs, asked := o.SignsIn(account.Account{UserPrincipalName: acc.UserPrincipalName, Profile: "practice-protect-mail-redirect"})
	assert.True(t, asked)
	assert.False(t, needs.Unattended)
	_, asked = o.SignsIn(account.Account{Profile: "gone"})
	assert.False(t, asked, "of a profile that is gone nothing is known")
}

func TestNoCandidate(t *testing.T) {
	for name, tt := range map[string]struct {
		sample string
		edit   func(*events.Request)
		code   fault.Code
	}{
		"an offboarding":      {"offboard-sam360", func(*events.Request) {}, fault.RequestInvalid},
		"an unknown profile":  {"onboard-sam360", func(r *events.Request) { r.Profile = "nobody" }, fault.UnknownProfile},
		"an unknown tenant":   {"onboard-sam360", func(r *events.Request) { r.Tenant = events.TenantRef{Alias: "nobody"} }, fault.UnknownTenant},
		"an unknown role":     {"onboard-sam360", func(r *events.Request) { r.Access.DirectoryRoles = []string{"Wizard"} }, fault.UnknownRole},
		"no request document": {"onboard-sam360", func(r *events.Request) { r.Schema = "other" }, fault.RequestInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, tt.sample)
			tt.edit(&req)
			_, _, err := open(t).Candidate(text(t, req))
			assert.Equal(t, tt.code, fault.CodeOf(err))
		})
	}
}
