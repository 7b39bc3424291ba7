// Package ledger is what we promised and what we did: requests, accounts, steps,
// the audit chain, inventories and sync runs. This file is the contract that every
// engine keeps (ledgertest is the suite); each function declares the one or two
// methods it needs of it.
//
// The rules (what a request's state is, what follows a step) are not here: an
// engine loads a Record, lets its caller change it, and stores what changed,
// together with the messages to send, in one transaction.
package ledger

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/queue"
)

var (
	// ErrNotFound says that there is no such request, account or run.
	ErrNotFound = errors.New("ledger: not found")
	// ErrCorrupt says that the database cannot be read as ours.
	ErrCorrupt = errors.New("ledger: database is damaged or not ours")
	// ErrLocked says that another process uses the database.
	ErrLocked = errors.New("ledger: database is in use by another process")
	// ErrOvertaken says that another sync stored an inventory of the tenant since this one began.
	ErrOvertaken = errors.New("ledger: another sync stored an inventory of the tenant meanwhile")
)

// Record is one request with its account, as loaded in a transaction. A change
// function edits Request, Account and Lease in place and appends to the others.
type Record struct {
	Request account.Request
	// Account is the account the request is about; a zero ID means that there is none.
	Account account.Account
	// Lease is who works on the account now.
	Lease Lease
	// Audit entries are appended to the tenant's chain. The engine sets Seq and the hashes.
	Audit []Entry
	// Send goes to the queue in the same transaction (or by outbox right after it).
	Send []Outgoing
	// Raise are notices to open; one whose key is open already changes nothing. A fresh
	// one is written into the audit log and sent to notify.
	Raise []Notice
	// Clear are notices that are over.
	Clear []Clearing
}

// Lease lets one step at a time work on an account. Token fences: whoever comes
// back late with another token must not write.
type Lease struct {
	Token string
	Until time.Time
}

// Free reports whether the lease can be taken at the given time by the holder of token.
func (l Lease) Free(token string, now time.Time) bool {
	return l.Token == "" || l.Token == token || !now.Before(l.Until)
}

// Outgoing is a message for a queue.
type Outgoing struct {
	Queue   string
	Message queue.Message
}

// Entry is one line of the audit log. Kind is subject.verb in the past tense
// ("role.assigned"). Hash covers every field and Prev, so that a changed, removed
// or reordered line shows.
type Entry struct {
	Tenant account.TenantID `json:"tenant"`
	// Seq counts a tenant's entries from 1.
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	RequestID string    `json:"requestId,omitempty"`
	AccountID string    `json:"accountId,omitempty"`
	// Actor is who did it: a function's name, or a person.
	Actor string          `json:"actor"`
	Text  string          `json:"text,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
}

// Situation is what intake needs to know before it accepts a request; it is read
// in the transaction that stores the decision.
type Situation struct {
	// Account is the managed account of that name, else of that application, which is not
	// gone; nil when there is none.
	Account *account.Account
	// Last is the newest account of that name that is gone; nil when there is none.
	Last *account.Account
	// Open are the requests of Account (or, without an account, of the tenant and
	// name) that can still do something.
	Open []account.Request
}

// Keys make a request unique.
type Keys struct {
	// Delivery is the sender's delivery id; empty when there is none.
	Delivery string
	// Business is system|account|ticket|action|revision|rerun; empty when there is none.
	Business string
	Tenant   account.TenantID
	// UserPrincipalName finds the account, in any case of letters. Empty finds none.
	UserPrincipalName string
	// AppID finds the account where none has the name: a connection of this application.
	AppID string
	// Action narrows Open for requests without an account (a sync).
	Action account.Action
}

// Draft is a decision to accept (or to record as refused).
type Draft struct {
	Record
	// Cancel are ids of requests that this one overtakes; Why is written into each.
	Cancel []string
	Why    string
}

// Verdict is what became of an Accept.
type Verdict struct {
	Request account.Request
	// Duplicate is true when the delivery or the ticket was taken before; Request is then the first one.
	Duplicate bool
}

// Filter narrows a listing. Zero fields do not narrow.
type Filter struct {
	Tenant account.TenantID
	// UserPrincipalName in any case of letters.
	UserPrincipalName string
	AccountID         string
	// Actions to include; empty means all.
	Actions []account.Action
	// Open includes only requests that can still do something.
	Open bool
	// Limit caps the rows, newest first. Zero means 100, negative means no cap.
	Limit int
}

// Inventory is a list of a tenant's users on its way; it shows when it is finished. The
// value can be kept, as JSON, and gone on with in another process.
type Inventory struct {
	Tenant account.TenantID `json:"tenant"`
	// Run is what stores it, as in events.FullSyncArgs.
	Run string `json:"run"`
	// Generation tells its users from those of other inventories, finished or not.
	Generation string `json:"generation"`
	// Before is the generation that it is to replace; empty when there is none.
	Before string `json:"before,omitempty"`
	// UsersBefore is how many users the tenant had by the last inventory of another run.
	UsersBefore int `json:"usersBefore,omitempty"`
}

// SyncRun is what one nightly sync of one tenant found.
type SyncRun struct {
	RequestID  string           `json:"requestId"`
	Tenant     account.TenantID `json:"tenant"`
	StartedAt  time.Time        `json:"startedAt"`
	FinishedAt time.Time        `json:"finishedAt,omitzero"`
	Users      int              `json:"users"`
	Licensed   int              `json:"licensed"`
	Accounts   int              `json:"accounts"`
	Findings   []Finding        `json:"findings,omitempty"`
	// Withheld says why removals were not started; empty when nothing was withheld.
	Withheld string `json:"withheld,omitempty"`
	Error    string `json:"error,omitempty"`
	// Restarts is how often it began again because its place in a listing had expired.
	Restarts int `json:"restarts,omitempty"`
}

// Finding is one difference between what we promised and what is.
type Finding struct {
	// Kind is subject.verb: account.missing, account.disabled, role.missing,
	// rolegroup.missing, role.foreign, account.expired, account.leaving, account.half-made,
	// account.stray, account.unsynced, account.rejoined, command.lost, review.overdue, owner.gone,
	// owner.missing, exclusion.missing, policy.missing, policy.catches, policy.maycatch,
	// policy.unread.
	Kind              string `json:"kind"`
	AccountID         string `json:"accountId,omitempty"`
	UserPrincipalName string `json:"userPrincipalName,omitempty"`
	Target            string `json:"target,omitempty"`
	Text              string `json:"text"`
}
