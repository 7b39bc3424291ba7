package console_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

func TestPending(t *testing.T) {
	a := newAPI(t)
	r := &a.books.requests[0]
	r.Requester = "Bob Bay <bob@contoso.com>"
	r.Park("it takes two")
	r.Approvals = []account.Approval{
		{By: "ann@contoso.com", Digest: "sha256:1", At: now.Add(-time.Minute), Via: "cli"},
		{By: "bob@contoso.com", Digest: "sha256:1", At: now.Add(-time.Minute), Via: "cli"},
	}
	var got console.Request
	require.Equal(t, 200, a.call("GET", "/api/requests/rq-1", "", &got))
	require.NotNil(t, got.Pending)
	assert.Equal(t, account.Parked, got.State)
	assert.Equal(t, "sha256:1", got.Pending.Digest)
	assert.Equal(t, 1, got.Pending.Missing)
	assert.Empty(t, got.Pending.MayApprove, "Bob asked for it, and Ann has agreed")
	assert.Contains(t, got.Pending.Why, "add approvers")
	assert.Len(t, got.Pending.Counted, 1)
	assert.Contains(t, got.Pending.Void[0].Why, "asked for the request")

	a.desk.err = fault.Stopf(fault.UnknownTenant, "not configured any more")
	got = console.Request{}
	require.Equal(t, 200, a.call("GET", "/api/requests/rq-1", "", &got))
	assert.Contains(t, got.Pending.Why, "not configured any more")

	got = console.Request{}
	require.Equal(t, 200, a.call("GET", "/api/requests/rq-2", "", &got))
	assert.Nil(t, got.Pending, "it waits for nobody")
}
