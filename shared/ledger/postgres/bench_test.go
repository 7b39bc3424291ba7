package postgres

import (
	"testing"

	"github.com/usher365/usher/shared/ledger/ledgertest"
)

func BenchmarkLedger(b *testing.B) { ledgertest.Benchmark(b, process(b, database(b), nil)) }
