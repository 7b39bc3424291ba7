// Package simulation drives the real intake, handlers, runner, ledger and queue
// against the tenant emulator in virtual time, with a fault possible at every call
// and the process dying at any moment, and then checks that no promise was broken.
// A seed decides everything; a failing seed replays.
package simulation
