package ledgertest

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

func updating() []testCase {
	return []testCase{
		{"every field of a record survives", everyField},
		{"times come back in UTC", timesInUTC},
		{"an update stores the record, its lines and its messages", updateStores},
		{"an error of the change leaves everything as it was", changeFails},
		{"a message that cannot be sent undoes the update", updateSendFails},
		{"updates do not lose each other", updatesRace},
		{"a lease can be taken and given back", leaseRoundTrip},
		{"an update without an account", updateWithoutAccount},
		{"what is not there cannot be updated", updateUnknown},
	}
}

// fill gives every exported field a value that is not zero.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(epoch.Add(time.Hour)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(`"x" <y> ü`)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(`{"b":[1,null,"<"]}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	default:
		panic("fill: " + v.Type().String())
	}
}

func everyField(b *bench) {
	var d ledger.Draft
	fill(reflect.ValueOf(&d.Request).Elem())
	fill(reflect.ValueOf(&d.Account).Elem())
	d.Request.ID, d.Request.AccountID, d.Account.ID = "r1", "a1", "a1"
	d.Request.Steps[1].Args = nil
	b.accept(keys("d1", "t1"), d)
	got := b.request("r1")
	require.JSONEq(b, string(d.Request.Steps[0].Args), string(got.Steps[0].Args))
	got.Steps[0].Args = d.Request.Steps[0].Args
	for i, want := range d.Request.Steps {
		require.JSONEq(b, string(want.Checkpoint), string(got.Steps[i].Checkpoint))
		got.Steps[i].Checkpoint = want.Checkpoint
	}
	require.JSONEq(b, string(d.Request.Question.Document), string(got.Question.Document))
	got.Question.Document = d.Request.Question.Document
	require.Equal(b, d.Request, got)
	require.Equal(b, d.Account, b.account("a1"))
}

func timesInUTC(b *bench) {
	east := time.FixedZone("east", 3600)
	d := draft("r1")
	d.Request.CreatedAt, d.Account.CreatedAt = epoch.In(east), epoch.In(east)
	d.Request.Steps[0].NextTry = epoch.In(east)
	b.accept(keys("", ""), d)
	r := b.request("r1")
	require.Equal(b, []time.Time{epoch, epoch, epoch}, []time.Time{r.CreatedAt, r.Steps[0].NextTry, b.account("acc-r1").CreatedAt})
}

func updateStores(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	require.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		assert.Equal(b, draft("r1").Request, rec.Request)
		assert.Equal(b, draft("r1").Account, rec.Account)
		assert.Empty(b, rec.Audit)
		assert.Empty(b, rec.Send)
		rec.Request.Steps[0].State = account.StepDone
		rec.Request.Steps = append(rec.Request.Steps, account.Step{Name: "undo", Compensates: true, State: account.StepPending})
		rec.Account.ObjectID = "object"
		rec.Audit = []ledger.Entry{entry("create.done", "r1"), entry("undo.planned", "r1")}
		rec.Send = []ledger.Outgoing{{Queue: "revoke", Message: queue.Message{ID: "r1/undo/1"}}}
		return nil
	}))
	r := b.request("r1")
	require.Len(b, r.Steps, 2)
	require.Equal(b, account.StepDone, r.Steps[0].State)
	require.True(b, r.Steps[1].Compensates)
	require.Equal(b, "object", b.account("acc-r1").ObjectID)
	require.Equal(b, []string{"r1/create/1", "r1/undo/1"}, b.Sent())
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Equal(b, []string{"request.accepted", "create.done", "undo.planned"}, kinds(lines))
}

func kinds(lines []ledger.Entry) (all []string) {
	for _, e := range lines {
		all = append(all, e.Kind)
	}
	return all
}

func changeFails(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	no := errors.New("no")
	require.Same(b, no, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		spoil(rec)
		return no
	}))
	b.unchanged()
}

// spoil changes all of a record.
func spoil(rec *ledger.Record) {
	rec.Request.Cancelled, rec.Account.ObjectID, rec.Lease.Token = "why", "object", "token"
	rec.Audit = append(rec.Audit, entry("request.changed", "r1"))
	rec.Send = append(rec.Send, ledger.Outgoing{Queue: "create", Message: queue.Message{ID: "r1/create/2"}})
}

// unchanged checks that r1 is as it was accepted.
func (b *bench) unchanged() {
	b.Helper()
	require.Equal(b, draft("r1").Request, b.request("r1"))
	require.Equal(b, draft("r1").Account, b.account("acc-r1"))
	require.Equal(b, []string{"r1/create/1"}, b.Sent())
	lines, err := b.Timeline(b.Context(), "r1")
	require.NoError(b, err)
	require.Len(b, lines, 1)
	count, _, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, int64(1), count)
}

func updateSendFails(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	full := errors.New("queue is full")
	b.RefuseMessages(full)
	require.ErrorIs(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		spoil(rec)
		return nil
	}), full)
	b.unchanged()
}

func updatesRace(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for range 25 {
				assert.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
					rec.Request.Notices++
					rec.Request.Steps[0].Attempt++
					rec.Account.Grants = append(rec.Account.Grants, account.Grant{})
					rec.Audit = append(rec.Audit, entry("notice.sent", "r1"))
					return nil
				}))
			}
		})
	}
	both.Wait()
	r := b.request("r1")
	require.Equal(b, []int{50, 50, 50}, []int{r.Notices, r.Steps[0].Attempt, len(b.account("acc-r1").Grants)})
	count, _, err := b.Verify(b.Context(), contoso)
	require.NoError(b, err)
	require.Equal(b, int64(51), count)
}

func leaseRoundTrip(b *bench) {
	b.accept(keys("d1", "t1"), draft("r1"))
	for _, lease := range []ledger.Lease{{Token: "t", Until: epoch.Add(time.Minute)}, {}} {
		b.lease("r1", lease)
		require.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
			assert.Equal(b, lease, rec.Lease)
			return nil
		}))
	}
}

func updateWithoutAccount(b *bench) {
	d := draft("r1")
	d.Request.AccountID, d.Account = "", account.Account{}
	b.accept(keys("d1", "t1"), d)
	require.NoError(b, b.Update(b.Context(), "r1", func(rec *ledger.Record) error {
		assert.Zero(b, rec.Account)
		assert.Zero(b, rec.Lease)
		rec.Request.Parked = "wait"
		return nil
	}))
	require.Equal(b, "wait", b.request("r1").Parked)
}

func updateUnknown(b *bench) {
	require.ErrorIs(b, b.Update(b.Context(), "r0", func(*ledger.Record) error { return nil }), ledger.ErrNotFound)
	_, err := b.Request(b.Context(), "r0")
	require.ErrorIs(b, err, ledger.ErrNotFound)
	_, err = b.Account(b.Context(), "a0")
	require.ErrorIs(b, err, ledger.ErrNotFound)
}
