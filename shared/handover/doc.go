// Package handover brings a service account's password to the person who asked for it,
// once and in no clear text on the way: sealed with age to a public key of theirs
// ([ParseRecipient], [Recipient.Seal]), or behind a one-time link ([Links]).
//
// Neither way puts the password into a ticket, a log, an error or a store. The sealed
// text may stand in the ticket. A link's store keeps a hash of its token and a
// reference into the vault.
//
// Who wires it:
//   - parses the recipient when the request is taken, so that a wrong key is refused
//     before there is an account;
//   - serves [Links.Handler] below the path of Options.Address, outside the API's bearer
//     token, and keeps the paths below it out of access logs: they hold the token;
//   - gives Links a store whose SwapNote is atomic for every process that serves the page;
//   - asks [Links.Look] how a hand-over stands, and makes a new password when it
//     expired or when [Options].Alarm was called: what was handed over wrongly is never
//     handed over again.
package handover
