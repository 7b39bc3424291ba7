package intake_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/profile"
)

const roomy = `name: %s
title: A connection
vendor: Vendor
account: {modes: [application]}
access:
  appConsents: [{resource: Microsoft Graph, type: application, permissions: [User.Read.All]}]%s
consent: {appId: 77777777-aaaa-4bbb-8ccc-dddddddddddd, displayName: Connector, method: direct}
onFailure: park
`

// How many users a connection may have is the profile's word, and the one too many is
// named: the form of a request has no limit of its own before that.
func TestTheProfileSaysHowManyUsers(t *testing.T) {
	for _, c := range []struct {
		profile string
		users   int
		tooMany string
	}{
		{"usual", 100, ""}, {"usual", 101, "user100@contoso.com"}, {"roomy", 150, ""}, {"roomy", 151, "user150@contoso.com"},
	} {
		o := open(t)
		options := o.options()
		var err error
		options.Profiles, err = profile.Load(fstest.MapFS{
			"usual.yaml": {Data: fmt.Appendf(nil, roomy, "usual", "")}, "roomy.yaml": {Data: fmt.Appendf(nil, roomy, "roomy", "\n  maxTargets: 150")},
		}, nil)
		require.NoError(t, err)
		o.Desk, err = intake.New(options)
		require.NoError(t, err)
		req := request(t, "onboard-trendmicro-cas")
		req.Profile, req.Access = c.profile, events.Access{Scope: &events.Scope{Mode: "selected"}}
		for i := range c.users {
			req.Access.Scope.Users = append(req.Access.Scope.Users, fmt.Sprintf("user%03d@contoso.com", i))
		}
		a := o.post(req)
		if c.tooMany == "" {
			assert.NotEqual(t, intake.Refused, a.Status, a.Reason)
			continue
		}
		assert.Equal(t, fault.TooManyTargets, a.Code, a.Reason)
		assert.Contains(t, a.Reason, "the first one too many is "+c.tooMany)
		assert.Equal(t, account.Refused, account.StateOf(o.request(a.RequestID)))
	}
}
