package servicebus

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/usher365/usher/shared/queue"
)

// Application properties of our own; attributes cannot begin like them.
const (
	ownProperty = "usher-"
	// propertyID is the message's id where the one on the wire is another: a long one, or a replay.
	propertyID = ownProperty + "id"
	// propertyUncounted is how many deliveries do not count, for they ended with their process.
	propertyUncounted = ownProperty + "uncounted"
	// propertyCount and propertyDeadAt tell of a dead letter that we made.
	propertyCount  = ownProperty + "count"
	propertyDeadAt = ownProperty + "dead-at"
)

// longestID is how long a message id may be, in characters
// (https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).
const longestID = 128

// wireID is the id as Service Bus takes it, which is what duplicates are detected by.
func wireID(id string) string {
	if len(id) <= longestID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256/" + hex.EncodeToString(sum[:])
}

// check says whether a message can be sent at all.
func check(m queue.Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	texts := m.ID + m.Subject + m.CorrelationID
	for key, value := range m.Attributes {
		if isOwn(key) {
			return fmt.Errorf("queue: attribute %q: the name is the queue's own", key)
		}
		texts += key + value
	}
	if !utf8.ValidString(texts) {
		return errors.New("queue: id, subject, correlation id and attributes must be UTF-8")
	}
	return nil
}

// isOwn tells properties of the queue and of the service from attributes.
func isOwn(property string) bool {
	return strings.HasPrefix(property, ownProperty) || property == "DeadLetterReason" || property == "DeadLetterErrorDescription"
}

// outgoing writes a message as one of Service Bus. The due time is rounded up to the
// millisecond, which is what the wire has: never early.
func outgoing(m queue.Message) *azservicebus.Message {
	id := wireID(m.ID)
	out := &azservicebus.Message{MessageID: &id, Body: m.Body, ApplicationProperties: map[string]any{}}
	if id != m.ID {
		out.ApplicationProperties[propertyID] = m.ID
	}
	if m.Subject != "" {
		out.Subject = &m.Subject
	}
	if m.CorrelationID != "" {
		out.CorrelationID = &m.CorrelationID
	}
	if !m.NotBefore.IsZero() {
		due := m.NotBefore.Add(time.Millisecond - 1).Truncate(time.Millisecond).UTC()
		out.ScheduledEnqueueTime = &due
	}
	for key, value := range m.Attributes {
		out.ApplicationProperties[key] = value
	}
	return out
}

// incoming reads a message of Service Bus.
func incoming(r *azservicebus.ReceivedMessage) queue.Message {
	m := queue.Message{ID: idOf(r), Subject: valueOf(r.Subject), CorrelationID: valueOf(r.CorrelationID), Body: r.Body}
	if r.ScheduledEnqueueTime != nil {
		m.NotBefore = r.ScheduledEnqueueTime.UTC()
	}
	for key, value := range r.ApplicationProperties {
		text, isText := value.(string)
		if !isText || isOwn(key) {
			continue
		}
		if m.Attributes == nil {
			m.Attributes = map[string]string{}
		}
		m.Attributes[key] = text
	}
	return m
}

func idOf(r *azservicebus.ReceivedMessage) string {
	if id, own := r.ApplicationProperties[propertyID].(string); own {
		return id
	}
	return r.MessageID
}

func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// uncounted is how many of a message's deliveries do not count.
func uncounted(r *azservicebus.ReceivedMessage) int64 {
	n, _ := r.ApplicationProperties[propertyUncounted].(int64)
	return n
}
