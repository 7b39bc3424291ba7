// Package longsync holds the tests of a full sync that takes several deliveries, through
// the runner, the ledger and the real client of Entra, against the tenant emulator. They
// are apart from the handler's own tests, which link no client.
package longsync
