package postgres

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/ledger/ledgertest"
)

func BenchmarkLedger(b *testing.B) {
	ledgertest.Benchmark(b, process(b, fresh(b), ledgertest.Nowhere{}))
}

// BenchmarkProcesses is updates by four processes at once, which all extend one audit
// chain: the most conflicts there can be.
func BenchmarkProcesses(b *testing.B) {
	url := fresh(b)
	var all [4]*Ledger
	for i := range all {
		all[i] = process(b, url, nil)
		accept(b, all[i], fmt.Sprint("r", i))
	}
	var next, tries atomic.Int64
	b.SetParallelism(2) // times GOMAXPROCS
	b.RunParallel(func(pb *testing.PB) {
		i := next.Add(1) % int64(len(all))
		for pb.Next() {
			require.NoError(b, all[i].Update(b.Context(), fmt.Sprint("r", i), func(rec *ledger.Record) error {
				tries.Add(1)
				rec.Audit = []ledger.Entry{{Tenant: tenant, Kind: "step.done"}}
				return nil
			}))
		}
	})
	b.ReportMetric(float64(tries.Load())/float64(b.N), "tries/op")
}
