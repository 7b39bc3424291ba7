package ledgertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Benchmark measures what an engine does all day: accepting requests, and recording
// steps, by one caller and by several at once, who all share one tenant's audit chain
// or have one each; and, as the runner does after a step, an update that sends a message.
func Benchmark(b *testing.B, l Writer) {
	var made atomic.Int64
	for _, tenants := range []int64{1, 16} {
		fresh := func() (ledger.Keys, ledger.Draft) {
			n := made.Add(1)
			id := fmt.Sprint("r", n)
			k, d := keys(id, id), draft(id)
			k.Tenant = account.TenantID(fmt.Sprint("tenant", n%tenants))
			k.UserPrincipalName = id + svcScan
			d.Request.Tenant, d.Account.Tenant, d.Audit[0].Tenant = k.Tenant, k.Tenant, k.Tenant
			d.Request.UserPrincipalName, d.Account.UserPrincipalName, d.Send = k.UserPrincipalName, k.UserPrincipalName, nil
			return k, d
		}
		several(b, fmt.Sprint("accept/tenants=", tenants), func(b *testing.B) func() {
			return func() {
				k, d := fresh()
				_, err := l.Accept(b.Context(), k, always(d))
				require.NoError(b, err)
			}
		})
		update := func(send bool) func(*testing.B) func() {
			return func(b *testing.B) func() {
				k, d := fresh()
				_, err := l.Accept(b.Context(), k, always(d))
				require.NoError(b, err)
				return func() { require.NoError(b, l.Update(b.Context(), d.Request.ID, stepDone(send))) }
			}
		}
		several(b, fmt.Sprint("update/tenants=", tenants), update(false))
		several(b, fmt.Sprint("update and send/tenants=", tenants), update(true))
	}
}

// stepDone records a step, and perhaps sends the next command.
func stepDone(send bool) func(*ledger.Record) error {
	return func(rec *ledger.Record) error {
		r := &rec.Request
		r.Steps[0].Attempt++
		rec.Audit = []ledger.Entry{{Tenant: r.Tenant, At: epoch, Kind: "step.done", RequestID: r.ID}}
		if send {
			id := fmt.Sprintf("%s/create/%d", r.ID, r.Steps[0].Attempt)
			rec.Send = []ledger.Outgoing{{Queue: "create", Message: queue.Message{ID: id, Body: []byte("{}")}}}
		}
		return nil
	}
}

// Nowhere takes every message and forgets it.
type Nowhere struct{}

// Enqueue implements tables.Sender.
func (Nowhere) Enqueue(context.Context, string, ...queue.Message) error { return nil }

// several runs what prepare gives by one caller, and by sixteen, each with its own.
func several(b *testing.B, name string, prepare func(*testing.B) func()) {
	b.Run(name+"/alone", func(b *testing.B) {
		for do := prepare(b); b.Loop(); {
			do()
		}
	})
	b.Run(name+"/sixteen", func(b *testing.B) {
		b.SetParallelism(8) // times GOMAXPROCS
		b.RunParallel(func(pb *testing.PB) {
			for do := prepare(b); pb.Next(); {
				do()
			}
		})
	})
}
