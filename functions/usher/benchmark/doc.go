// Package benchmark measures the whole of usher: requests through the webhook, the
// ledger, the queue and every handler, against the tenant emulator. It holds
// benchmarks only; make bench runs them.
package benchmark
