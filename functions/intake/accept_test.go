package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

func TestNewNeedsEverything(t *testing.T) {
	_, err := intake.New(intake.Options{})
	require.Error(t, err)
}

func TestAccept(t *testing.T) {
	o := open(t)
	a := o.postText(text(t, request(t, "onboard-sam360")), "msg_1")
	require.Equal(t, intake.Accepted, a.Status, a.Reason)
	assert.Regexp(t, `^req-[a-z2-7]{12}$`, a.RequestID)
	assert.Equal(t, []string{"notify " + a.RequestID + "/notice-1/1", "checkfitness " + a.RequestID + "/checkfitness/1"}, o.sent.take())
	r := o.request(a.RequestID)
	assert.Equal(t, account.Accepted, account.StateOf(r))
	assert.Equal(t, "Jane Doe <jane@contoso.com>", r.Requester)
	assert.Equal(t, "servicenow|contoso|d977b66a4f411200adf9f8e18110c7b2|onboard|3|0", r.BusinessKey)
	acc := o.account(r.AccountID)
	assert.Equal(t, account.AccountPlanned, acc.State)
	assert.Equal(t, r.ID, acc.RequestID)
	assert.Len(t, acc.Grants, 2)
	lines, err := o.ledger.Timeline(t.Context(), r.ID)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	assert.Equal(t, "request.accepted", lines[0].Kind)
	assert.Contains(t, string(lines[0].Data), "APPR-77", "a claimed approval is on record")
}

func TestEverySample(t *testing.T) {
	for _, name := range []string{"sam360", "kaspersky-new", "kaspersky-existing", "practice-protect-mail-redirect"} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			on := o.accepted("onboard-" + name)
			o.run(on.ID)
			off := o.accepted("offboard-" + name)
			assert.Equal(t, on.AccountID, off.AccountID)
			assert.Equal(t, account.AccountLeaving, o.account(on.AccountID).State)
			assert.Contains(t, o.sent.take(), "revoke "+off.ID+"/"+off.Steps[0].Name+"/1")
		})
	}
}

func TestGlobalAdministratorIsParked(t *testing.T) {
	o := open(t)
	a := o.post(request(t, "onboard-practice-protect-federation"))
	assert.Equal(t, intake.Parked, a.Status)
	assert.Equal(t, fault.ApprovalMissing, a.Code)
	assert.Contains(t, a.Reason, "Global Administrator")
	assert.Equal(t, []string{"notify " + a.RequestID + "/notice-1/1"}, o.sent.take(), "no command goes out")
	assert.Equal(t, account.Parked, account.StateOf(o.request(a.RequestID)))
	assert.Equal(t, a.RequestID, o.post(request(t, "onboard-practice-protect-federation")).RequestID)
}

func TestDuplicates(t *testing.T) {
	o := open(t)
	body := text(t, request(t, "onboard-sam360"))
	first := o.postText(body, "msg_1")
	o.sent.take()
	assert.Equal(t, intake.Answer{Status: intake.Accepted, RequestID: first.RequestID, Duplicate: true}, o.postText(body, "msg_1"), "the same delivery")
	assert.True(t, o.postText(body, "msg_2").Duplicate, "the same ticket")
	o.now = start.AddDate(100, 0, 0)
	assert.True(t, o.postText(body, "msg_3").Duplicate, "even when it would not be taken any more")
	assert.Empty(t, o.sent.take())
	assert.Len(t, o.requests(), 1)
}

func TestParallelDeliveriesAreOneRequest(t *testing.T) {
	o := open(t)
	body := text(t, request(t, "onboard-sam360"))
	var group sync.WaitGroup
	var mu sync.Mutex
	fresh := 0
	for i := range 50 {
		group.Go(func() {
			a, err := o.Accept(t.Context(), body, intake.Source{Name: "servicenow", Delivery: fmt.Sprint("msg_", i%7)})
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, err)
			if !a.Duplicate {
				fresh++
			}
		})
	}
	group.Wait()
	assert.Equal(t, 1, fresh)
	assert.Len(t, o.requests(), 1)
	assert.Len(t, o.sent.take(), 2)
}

func TestRequestID(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.RequestID = "RITM0010042.3"
	assert.Equal(t, "RITM0010042.3", o.post(req).RequestID)
	assert.True(t, o.post(req).Duplicate)
	other := request(t, "onboard-kaspersky-new")
	other.RequestID = req.RequestID
	a := o.post(other)
	assert.Equal(t, fault.RequestInvalid, a.Code)
	assert.Contains(t, a.Reason, "taken by another request")
}

func TestRerunIsAnotherRequest(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	o.run(on.ID)
	off := o.accepted("offboard-sam360")
	o.run(off.ID)
	req := request(t, "onboard-sam360")
	assert.True(t, o.post(req).Duplicate)
	req.Rerun = 1
	again := o.post(req)
	assert.Equal(t, intake.Accepted, again.Status)
	assert.NotEqual(t, on.ID, again.RequestID)
	assert.NotEqual(t, on.AccountID, o.request(again.RequestID).AccountID)
}

func TestTwoRequestsForOneAccount(t *testing.T) {
	o := open(t)
	on := o.accepted("onboard-sam360")
	req := request(t, "onboard-sam360")
	req.Ticket.ID, req.Account.UserName = "another", "SAM360reports"
	a := o.post(req)
	assert.Equal(t, intake.Refused, a.Status)
	assert.Equal(t, fault.AlreadyManaged, a.Code)
	assert.Contains(t, a.Reason, on.ID)
}

func TestStartsLater(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.Lifetime.StartsAt = start.Add(48 * time.Hour)
	r := o.request(o.post(req).RequestID)
	assert.Equal(t, account.Waits, account.StateOf(r))
	assert.Equal(t, req.Lifetime.StartsAt, r.Steps[0].NextTry)
}

func TestTenantReference(t *testing.T) {
	for name, test := range map[string]struct {
		ref events.TenantRef
		ok  bool
	}{
		"Alias":        {events.TenantRef{Alias: "contoso"}, true},
		"ID":           {events.TenantRef{ID: "11111111-1111-1111-1111-111111111111"}, true},
		"OtherDomain":  {events.TenantRef{Domain: "Contoso.com", Cloud: "public"}, true},
		"WrongAlias":   {events.TenantRef{Alias: "litware"}, false},
		"Disagreement": {events.TenantRef{Alias: "contoso", Domain: "fabrikam.onmicrosoft.com"}, false},
		"WrongCloud":   {events.TenantRef{Alias: "contoso", Cloud: "china"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			req := request(t, "onboard-sam360")
			req.Tenant = test.ref
			a := o.post(req)
			if test.ok {
				assert.Equal(t, intake.Accepted, a.Status, a.Reason)
				return
			}
			assert.Equal(t, fault.UnknownTenant, a.Code)
			assert.Empty(t, a.RequestID, "there is no tenant to record it for")
			assert.Empty(t, o.requests())
		})
	}
}

// broken is a ledger on a full disk.
type broken struct{ intake.Ledger }

var errDisk = fault.Stop(fault.LedgerUnavailable, errors.New("the disk is full"))

func (broken) Accept(context.Context, ledger.Keys, func(ledger.Situation) (ledger.Draft, error)) (ledger.Verdict, error) {
	return ledger.Verdict{}, errDisk
}

func TestBrokenLedgerIsNoRefusal(t *testing.T) {
	o := open(t)
	options := o.options()
	options.Ledger = broken{o.ledger}
	desk, err := intake.New(options)
	require.NoError(t, err)
	for _, body := range []string{string(text(t, request(t, "onboard-sam360"))), `{"schema":"wrong","action":"onboard","tenant":{"alias":"contoso"},"ticket":{"system":"s","id":"1"}}`} {
		_, err = desk.Accept(t.Context(), []byte(body), intake.Source{})
		require.ErrorIs(t, err, errDisk)
	}
}

func TestOverlongDocumentsFitTheQueue(t *testing.T) {
	o := open(t)
	req := request(t, "onboard-sam360")
	req.Profile = strings.Repeat("\x01x", 30_000)
	a := o.postText(text(t, req), "msg")
	assert.Equal(t, fault.RequestInvalid, a.Code)
	assert.Less(t, len(a.Reason), 1100)
	assert.NotEmpty(t, a.RequestID)
}
