package events

import "time"

// Notice is something a person should know that belongs to no open request.
type Notice struct {
	// ID is this raising of it; a notice that comes again after it was cleared has another one.
	ID string `json:"id"`
	// Key is what it is about, the same each time.
	Key string `json:"key"`
	// Kind is subject.verb, as in the audit log: expiry.near, owner.gone.
	Kind string `json:"kind"`
	// Text is what is the matter and what to do.
	Text string `json:"text"`
	// AccountID and RequestID are ours; both are optional.
	AccountID string    `json:"accountId,omitempty"`
	RequestID string    `json:"requestId,omitempty"`
	RaisedAt  time.Time `json:"raisedAt"`
}
