package intake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/policy"
)

// signingIn asks for a consent to sign in only, which needs nobody's agreement.
func signingIn(t *testing.T) events.Request {
	req := request(t, "onboard-mediafly-intelligence")
	req.Access.ConsentPolicy = nil
	req.Access.AppConsents = []events.AppConsent{{Permissions: []string{"User.Read", "offline_access"}, Type: "delegated"}}
	return req
}

// The consent policy holds for the whole tenant, so it is agreed to by itself, even where
// the consents alone would be given at once.
func TestTheConsentPolicyNeedsItsOwnApproval(t *testing.T) {
	o := open(t)
	require.Equal(t, intake.Accepted, o.post(signingIn(t)).Status)

	o = open(t)
	yes, req := true, signingIn(t)
	req.Access.ConsentPolicy = &events.ConsentPolicy{Notify: &yes}
	a := o.post(req)
	require.Equal(t, intake.Parked, a.Status)
	assert.Contains(t, a.Reason, policy.ConsentRequestPolicy)
	r := o.request(a.RequestID)
	c, err := o.Case(r)
	require.NoError(t, err)
	assert.Contains(t, policy.RightsOf(r.Question.Grants), policy.Right{Kind: policy.Setting, Name: policy.ConsentRequestPolicy})
	assert.Equal(t, 1, c.Decision.Needs.Approvers)
	_, err = o.Approve(t.Context(), a.RequestID, account.Approval{By: "sven@contoso.com"})
	require.NoError(t, err)
	assert.Equal(t, account.Accepted, account.StateOf(o.request(a.RequestID)))
}

func TestConsentPoliciesThatIntakeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		asked events.ConsentPolicy
		code  fault.Code
		says  string
	}{
		"Nothing":      {events.ConsentPolicy{}, fault.RequestInvalid, "says nothing"},
		"TooManyDays":  {events.ConsentPolicy{RequestExpiresDays: 61}, fault.RequestInvalid, "requestExpiresDays"},
		"NegativeDays": {events.ConsentPolicy{RequestExpiresDays: -1}, fault.RequestInvalid, "requestExpiresDays"},
		"UnknownRole":  {events.ConsentPolicy{Reviewers: []string{"role:Wizard"}}, fault.UnknownRole, "Wizard"},
		"Nobody":       {events.ConsentPolicy{Reviewers: []string{"user: "}}, fault.RequestInvalid, "names nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			o, req := open(t), signingIn(t)
			req.Access.ConsentPolicy = &tt.asked
			a := o.post(req)
			assert.Equal(t, intake.Refused, a.Status)
			assert.Equal(t, tt.code, a.Code)
			assert.Contains(t, a.Reason, tt.says)
		})
	}
}
