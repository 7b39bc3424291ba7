// Package probing holds the tests of the probe of credentials and consents, with the real
// client of Entra and the real ledger, against the tenant emulator. They are apart from
// the handler's own tests, which link no client.
package probing
