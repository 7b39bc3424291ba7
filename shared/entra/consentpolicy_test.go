package entra_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

func wantedPolicy() account.ConsentPolicy {
	return account.ConsentPolicy{Enabled: true, Mails: true, Reminders: true, Days: 30, Reviewers: []account.Reviewer{
		{Kind: account.ReviewerUser, ID: userID}, {Kind: account.ReviewerGroup, ID: userID}, {Kind: account.ReviewerRole, ID: roleID},
	}}
}

func TestConsentPolicyIsSetAndTakenBack(t *testing.T) {
	server, world, c := withVendor(t)
	old := tenantfake.ConsentPolicy{Enabled: true, Days: 7, Reviewers: []string{"/v1.0/users/" + userID, "./manager"}}
	world.SetConsentPolicy(old)
	before, err := c.SetConsentPolicy(ctx, tenant, wantedPolicy())
	require.NoError(t, err)
	assert.Equal(t, account.ConsentPolicy{Enabled: true, Days: 7, Reviewers: []account.Reviewer{
		{Kind: account.ReviewerUser, ID: userID}, {Kind: account.ReviewerOther, ID: "./manager"}}}, before)
	now, err := c.ConsentPolicy(ctx, tenant)
	require.NoError(t, err)
	assert.Equal(t, wantedPolicy(), now)

	version := world.ConsentPolicy().Version
	_, err = c.SetConsentPolicy(ctx, tenant, wantedPolicy())
	require.NoError(t, err)
	assert.Equal(t, version, world.ConsentPolicy().Version, "nothing to change, nothing sent")

	_, err = c.SetConsentPolicy(ctx, tenant, before)
	require.NoError(t, err)
	assert.Equal(t, []string{"/users/" + userID, "./manager"}, world.ConsentPolicy().Reviewers)
	assert.Empty(t, server.SchemaViolations())
}

func TestConsentPolicyKeepsTheOneBeforeWhenTheAnswerIsLost(t *testing.T) {
	server, world, c := withVendor(t)
	world.SetConsentPolicy(tenantfake.ConsentPolicy{Enabled: true, Days: 7, Reviewers: []string{"/users/" + userID}})
	server.Fault(tenantfake.Fault{Method: http.MethodPut, Path: "/policies/adminConsentRequestPolicy", Times: 3, Decision: tenantfake.Decision{Kind: tenantfake.Unavailable}})
	before, err := c.SetConsentPolicy(ctx, tenant, wantedPolicy())
	assert.Equal(t, fault.Transient, fault.ClassOf(err), err)
	assert.Equal(t, 7, before.Days)
}

func TestRefusalsAboutTheConsentPolicy(t *testing.T) {
	_, _, c := withVendor(t)
	for name, reviewer := range map[string]account.Reviewer{
		"NoID": {Kind: account.ReviewerUser}, "Injection": {Kind: account.ReviewerUser, ID: userID + "/manager"},
		"NoKind": {ID: userID}, "NoQuery": {Kind: account.ReviewerOther},
	} {
		t.Run(name, func(t *testing.T) {
			want := wantedPolicy()
			want.Reviewers = []account.Reviewer{reviewer}
			_, err := c.SetConsentPolicy(ctx, tenant, want)
			assert.True(t, fault.Is(err, fault.RequestInvalid), err)
		})
	}
	for _, body := range []string{`{}`, `{"isEnabled":"yes"}`, `nothing`} {
		_, err := newGraph(t, answer(200, body)).client(t).ConsentPolicy(ctx, tenant)
		assert.Equal(t, fault.AnswerNotUnderstood, fault.CodeOf(err), body)
	}
}

func TestChangesOfAConsentPolicyInWords(t *testing.T) {
	assert.Empty(t, wantedPolicy().Changes(wantedPolicy()))
	assert.Equal(t, []string{
		"users may ask for admin consent: false -> true", "reviewers are told by mail: false -> true", "reviewers are reminded: false -> true",
		"days until a request expires: 0 -> 30", "reviewer other ./manager: removed", "reviewer user " + userID + ": added",
		"reviewer group " + userID + ": added", "reviewer role " + roleID + ": added",
	}, account.ConsentPolicy{Reviewers: []account.Reviewer{{Kind: account.ReviewerOther, ID: "./manager"}}}.Changes(wantedPolicy()))
}
