package azurefunctions

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/usher365/usher/shared/queue/servicebus"
)

// MessageBinding is what function.json must call the binding of a Service Bus trigger.
const MessageBinding = "message"

// errBatch refuses what is not one message: a batch has names such as MessageIdArray.
var errBatch = errors.New(`the envelope holds no single Service Bus message; function.json must say "cardinality": "one" and call its binding "message"`)

// envelope is what the host posts to a function (source:
// https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers#request-payload).
type envelope struct {
	Data, Metadata map[string]json.RawMessage
}

// unwrap undoes the host's encoding: what it does not take for an object it writes as
// JSON text inside a JSON string, the body of a message so, and a number too.
func unwrap(raw json.RawMessage) string {
	for range 2 {
		var inner string
		if json.Unmarshal(raw, &inner) != nil {
			break
		}
		raw = json.RawMessage(inner)
	}
	return string(raw)
}

// first gives the first of some names of one thing that the metadata has; empty when none.
func (e envelope) first(names ...string) string {
	for _, name := range names {
		if value := unwrap(e.Metadata[name]); value != "" && value != "null" {
			return value
		}
	}
	return ""
}

// message reads the envelope of a Service Bus trigger. Version 4 of the extension says
// Label and UserProperties where version 5 says Subject and ApplicationProperties.
func message(function string, posted []byte) (servicebus.Foreign, error) {
	var e envelope
	if err := json.Unmarshal(posted, &e); err != nil {
		return servicebus.Foreign{}, fmt.Errorf("read the host's envelope: %w", err)
	}
	body, given := e.Data[MessageBinding]
	m := servicebus.Foreign{
		Queue: function, MessageID: e.first("MessageId"), Subject: e.first("Subject", "Label"), CorrelationID: e.first("CorrelationId"),
		Body: []byte(unwrap(body)), Count: 1, EnqueuedAt: instant(e.first("EnqueuedTimeUtc")),
	}
	if !given || m.MessageID == "" {
		return m, errBatch
	}
	if properties := e.first("ApplicationProperties", "UserProperties"); properties != "" {
		if err := json.Unmarshal([]byte(properties), &m.Properties); err != nil {
			return m, fmt.Errorf("read the properties in the host's envelope: %w", err)
		}
	}
	if count := e.first("DeliveryCount"); count != "" {
		var err error
		if m.Count, err = strconv.Atoi(count); err != nil {
			return m, fmt.Errorf("read the delivery count in the host's envelope: %w", err)
		}
	}
	return m, nil
}

// instant reads a time in UTC, which comes without a zone where .NET knows of none. It is
// shown to people only: one that cannot be read is zero.
func instant(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// late reports whether the envelope of a timer trigger says that its time had passed
// while no host ran. The host decides how it writes that; what is not said is no.
func late(posted []byte) bool {
	var e envelope
	if json.Unmarshal(posted, &e) != nil {
		return false
	}
	for _, data := range e.Data {
		var timer struct{ IsPastDue bool }
		if json.Unmarshal([]byte(unwrap(data)), &timer) == nil && timer.IsPastDue {
			return true
		}
	}
	return false
}
