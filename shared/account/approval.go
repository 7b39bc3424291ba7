package account

import (
	"cmp"
	"encoding/json"
	"time"
)

// Approval is one person's word for one request.
type Approval struct {
	// By identifies the person, as whoever took the approval made sure of it.
	By string `json:"by"`
	// Digest is the one of the Question that the person was shown.
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	// Via is how it came: api, ticket, or what a person's tool calls itself.
	Via string `json:"via,omitempty"`
	// Proof is how it is known that By gave it; empty in records from before that was asked.
	Proof  Proof  `json:"proof,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// How says in words by which way an approval came, and what proves whose it is.
func (a Approval) How() string {
	text := "via " + cmp.Or(a.Via, "api")
	if said := a.Proof.String(); said != "" {
		text += ", " + said
	}
	return text
}

// Proof is how it is known who gave an approval.
type Proof string

// The ways to prove it, the strongest first.
const (
	// ProofToken is a token that only this person has.
	ProofToken Proof = "token"
	// ProofTicket is the word of a source of webhooks that is trusted with approvals.
	ProofTicket Proof = "ticket"
	// ProofClaim is a name, given by somebody who has the token that all share.
	ProofClaim Proof = "claim"
)

// String says it in words; empty where nothing is known.
func (p Proof) String() string {
	return map[Proof]string{
		ProofToken: "with their own token", ProofTicket: "vouched for by the ticket's source", ProofClaim: "claimed behind the shared token",
	}[p]
}

// Question is what the policy makes people agree to before a request begins.
type Question struct {
	// Grants are what would be given, as they were planned.
	Grants []Grant `json:"grants,omitempty"`
	Owner  Owner   `json:"owner,omitzero"`
	// Begins and Ends bound the account's life; a zero Ends is no end.
	Begins time.Time `json:"begins"`
	Ends   time.Time `json:"ends,omitzero"`
	// Document is the request as it was taken, but for what it says about approvals;
	// of an order, what the order came to.
	Document json.RawMessage `json:"document,omitempty"`
	// Needed is the number of different people who must agree, and Digest is of what,
	// both as the policy was when the request was parked.
	Needed int    `json:"needed"`
	Digest string `json:"digest"`
}

// Park makes the request wait for a person. What people agreed to before does not
// count for it.
func (r *Request) Park(why string) { r.Parked, r.ApprovedAt, r.Question = why, time.Time{}, nil }

// AwaitsPerson reports whether the request is parked and nobody has let it go on.
func (r Request) AwaitsPerson() bool { return r.Parked != "" && r.ApprovedAt.IsZero() }
