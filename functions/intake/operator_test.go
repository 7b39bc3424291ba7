package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

func parked(o *office, change func(*events.Request)) account.Request {
	req := request(o.t, "onboard-practice-protect-federation")
	change(&req)
	return o.request(o.post(req).RequestID)
}

func TestApprove(t *testing.T) {
	o := open(t)
	id := parked(o, func(*events.Request) {}).ID
	o.sent.take()
	r, err := o.Approve(t.Context(), id, "Sven Security", "seen with the vendor")
	require.NoError(t, err)
	assert.Equal(t, "Sven Security", r.ApprovedBy)
	assert.Equal(t, start, r.ApprovedAt)
	assert.Equal(t, []string{"notify " + id + "/notice-2/1", "create " + id + "/create/1"}, o.sent.take())
	assert.Equal(t, []string{"request.parked", "request.approved"}, o.kinds(id))
	assert.Equal(t, account.Accepted, account.StateOf(o.request(id)))
	_, err = o.Approve(t.Context(), id, "Otto", "")
	require.ErrorContains(t, err, "approved by Sven Security already")
}

func TestTheRequesterNeverApproves(t *testing.T) {
	o := open(t)
	id := parked(o, func(*events.Request) {}).ID
	for _, by := range []string{"Jane Doe", "jane@contoso.com", "JANE DOE", " jane  doe ", "Jane", "Someone <Jane@Contoso.com>"} {
		_, err := o.Approve(t.Context(), id, by, "")
		assert.Equal(t, fault.ApprovalMissing, fault.CodeOf(err), by)
	}
	_, err := o.Approve(t.Context(), id, " ", "")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
	assert.Equal(t, account.Parked, account.StateOf(o.request(id)))
}

func TestApproveOnlyWhatIsParked(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	_, err := o.Approve(t.Context(), on.ID, "Sven", "")
	require.ErrorContains(t, err, "waits for no approval")
	_, err = o.Approve(t.Context(), "req-none", "Sven", "")
	require.ErrorIs(t, err, ledger.ErrNotFound)
	r := parked(o, func(r *events.Request) { r.Lifetime.ExpiresAt = start.Add(time.Hour) })
	o.now = start.Add(2 * time.Hour)
	_, err = o.Approve(t.Context(), r.ID, "Sven", "")
	assert.Equal(t, fault.RequestExpired, fault.CodeOf(err))
	o.accepted("offboard-practice-protect-federation")
	_, err = o.Approve(t.Context(), r.ID, "Sven", "")
	require.ErrorContains(t, err, "cancelled")
}

func TestALateApprovalKeepsTheStartDate(t *testing.T) {
	o := open(t)
	r := parked(o, func(r *events.Request) { r.Lifetime.StartsAt = start.Add(10 * time.Hour) })
	o.now = start.Add(4 * time.Hour)
	r, err := o.Approve(t.Context(), r.ID, "Sven", "")
	require.NoError(t, err)
	assert.Equal(t, start.Add(10*time.Hour), r.Steps[0].NextTry)
}

func TestSync(t *testing.T) {
	o := open(t)
	started, err := o.Sync(t.Context(), "", "timer")
	require.NoError(t, err)
	require.Len(t, started, 2)
	assert.Equal(t, account.TenantID("11111111-1111-1111-1111-111111111111"), started[0].Tenant)
	assert.Equal(t, started[0].Steps[0].Args, started[1].Steps[0].Args, "one run")
	for _, m := range o.sent.take() {
		assert.True(t, strings.HasPrefix(m, "fullsync "), m)
	}
	_, err = o.Sync(t.Context(), "contoso", "Olga")
	assert.Equal(t, fault.SyncRunning, fault.CodeOf(err))
	o.run(started[0].ID)
	started, err = o.Sync(t.Context(), "", "Olga")
	assert.Equal(t, fault.SyncRunning, fault.CodeOf(err), "fabrikam still runs")
	assert.Len(t, started, 1, "contoso is started all the same")
	_, err = o.Sync(t.Context(), "litware", "Olga")
	assert.Equal(t, fault.UnknownTenant, fault.CodeOf(err))
	_, err = o.Sync(t.Context(), "contoso", "")
	assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
}
