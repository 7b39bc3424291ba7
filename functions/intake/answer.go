package intake

import (
	"encoding/json"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
)

// Outcome is what became of a request document.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted"
	Parked   Outcome = "parked"
	Refused  Outcome = "refused"
)

// Answer is what the sender of a request is told.
type Answer struct {
	Status Outcome
	// RequestID is empty for a refusal that could not be recorded.
	RequestID string
	// Duplicate is true when the delivery or the ticket was taken before; the answer
	// then is about the first one.
	Duplicate bool
	// Code and Reason explain a refusal, or why the request waits for a person.
	Code   fault.Code
	Reason string
}

// MarshalJSON writes the answer of the webhook.
func (a Answer) MarshalJSON() ([]byte, error) {
	type explained struct {
		Code       fault.Code `json:"code,omitempty"`
		Reason     string     `json:"reason,omitempty"`
		NextAction string     `json:"nextAction,omitempty"`
	}
	why := explained{a.Code, a.Reason, fault.Remedy(a.Code)}
	if a.Status == Refused {
		return json.Marshal(struct {
			Status    Outcome `json:"status"`
			RequestID string  `json:"requestId,omitempty"`
			Duplicate bool    `json:"duplicate,omitempty"`
			explained
		}{a.Status, a.RequestID, a.Duplicate, why})
	}
	return json.Marshal(struct {
		Status    Outcome `json:"status"`
		RequestID string  `json:"requestId"`
		Duplicate bool    `json:"duplicate"`
		explained
	}{a.Status, a.RequestID, a.Duplicate, why})
}

func (d *Desk) answer(v ledger.Verdict, now time.Time) Answer {
	r := v.Request
	a := Answer{Status: Accepted, RequestID: r.ID, Duplicate: v.Duplicate}
	switch account.StateOf(r) {
	case account.Refused:
		a.Status, a.Code, a.Reason = Refused, fault.Code(r.RefusedCode), r.Refused
	case account.Parked:
		a.Status, a.Code, a.Reason = Parked, fault.ApprovalMissing, d.appeal(r, now)
	}
	return a
}
