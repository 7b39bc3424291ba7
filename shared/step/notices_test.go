package step_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
	"github.com/usher365/usher/shared/step"
)

const ada, bob = "ada@contoso.com", "bob@contoso.com"

func gone() ledger.Notice {
	return ledger.Notice{
		Key: "owner.gone/tid/acc", Tenant: "tid", AccountID: "acc", RequestID: "req", Kind: "owner.gone", Text: "the owner is gone",
		Mail: []string{ada, bob}, RaisedAt: t0,
	}
}

// raise puts a notice on record and gives the message that announces it.
func (r *rig) raise(n ledger.Notice) queue.Delivery {
	r.book.notices[n.Key] = n
	return queue.Delivery{Message: step.Announce(n).Message, Queue: events.Notify, Count: 1}
}

func TestANoticeIsToldAndMailedOnce(t *testing.T) {
	r := setup(t, done)
	r.book.records["req"] = withTicket(*r.record())
	d := r.raise(gone())
	for range 2 {
		assert.Equal(t, queue.Done(), r.notices(t.Context(), d))
	}
	assert.Equal(t, []string{ada, bob}, r.mailed)
	require.Len(t, r.told, 1)
	s := r.told[0]
	assert.Equal(t, "usher.request.notice", s.Type)
	assert.Equal(t, events.StatusNotice, s.Data.Status)
	assert.Equal(t, "the owner is gone", s.Data.Reason)
	assert.Equal(t, "svc@contoso", s.Data.Account.UserPrincipalName)
	assert.Equal(t, "RITM1", s.Data.Ticket["id"])
	assert.Equal(t, gone().ID(), s.Data.Notice.ID)
}

func withTicket(rec ledger.Record) ledger.Record {
	rec.Request.Ticket = account.Ticket{System: "servicenow", ID: "RITM1"}
	return rec
}

func TestANoticeThatFailsInPartGoesOnWithTheRest(t *testing.T) {
	r := setup(t, done)
	r.refused[ada] = errors.New("try later")
	d := r.raise(gone())
	outcome := r.notices(t.Context(), d)
	require.NotEqual(t, queue.Done(), outcome)
	assert.Equal(t, step.OutcomeRetrying, r.lines[len(r.lines)-1].Outcome)
	assert.Equal(t, []string{bob}, r.mailed)
	assert.Equal(t, "try later", r.book.notices[gone().Key].Undelivered)

	delete(r.refused, ada)
	assert.Equal(t, queue.Done(), r.notices(t.Context(), d))
	assert.Equal(t, []string{bob, ada}, r.mailed)
	assert.Len(t, r.told, 1)
	assert.Empty(t, r.book.notices[gone().Key].Undelivered)
}

func TestAnAddressThatIsRefusedForGoodHoldsUpNobody(t *testing.T) {
	r := setup(t, done)
	r.refused[ada] = fault.Stopf(fault.CallbackRefused, "no such mailbox")
	r.notices(t.Context(), r.raise(gone()))
	assert.Equal(t, step.OutcomeFailed, r.lines[len(r.lines)-1].Outcome)
	assert.Equal(t, []string{bob}, r.mailed)

	r.refused[bob] = errors.New("try later")
	other := gone()
	other.Key = "owner.gone/tid/other"
	r.notices(t.Context(), r.raise(other))
	assert.Equal(t, step.OutcomeRetrying, r.lines[len(r.lines)-1].Outcome, "what may pass decides")
}

func TestANoticeThatIsOverIsNotDelivered(t *testing.T) {
	for name, change := range map[string]func(*ledger.Notice){
		"Cleared":     func(n *ledger.Notice) { n.ClearedAt = t0 },
		"RaisedAgain": func(n *ledger.Notice) { n.RaisedAt = t0.Add(1e9) },
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, done)
			d := r.raise(gone())
			n := gone()
			change(&n)
			r.book.notices[n.Key] = n
			assert.Equal(t, queue.Done(), r.notices(t.Context(), d))
			assert.Equal(t, step.OutcomeSkipped, r.lines[0].Outcome)
			assert.Empty(t, r.mailed)
			assert.Empty(t, r.told)
		})
	}
}

func TestANoticeNobodyKnowsIsPutAside(t *testing.T) {
	r := setup(t, done)
	d := r.raise(gone())
	clear(r.book.notices)
	r.notices(t.Context(), d)
	assert.Equal(t, string(fault.MalformedCommand), r.lines[0].FaultCode)
}

func TestANoticeWaitsForTheLedger(t *testing.T) {
	r := setup(t, done)
	d := r.raise(gone())
	r.book.fail = errors.New("disk full")
	r.notices(t.Context(), d)
	assert.Equal(t, step.OutcomeWaiting, r.lines[0].Outcome)
	assert.Empty(t, r.mailed)
}

func TestNotifyWantsAStatusOrANotice(t *testing.T) {
	r := setup(t, done)
	d := r.raise(gone())
	d.Body = []byte(`{"specversion":"1.0","id":"r/notice-1/1","source":"/usher/contoso","type":"dev.usher365.notify.v1",
		"time":"2026-11-21T19:40:00Z","datacontenttype":"application/json","requestid":"r","step":"notice-1","attempt":1,"data":{}}`)
	r.notices(t.Context(), d)
	assert.Equal(t, string(fault.MalformedCommand), r.lines[0].FaultCode)
	assert.Contains(t, r.lines[0].Fault, "neither a status nor a notice")
}
