package servicebusfake

import (
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/Azure/go-amqp"
)

// message is a message in a queue.
type message struct {
	content     *amqp.Message
	size        int
	sequence    int64
	enqueued    time.Time
	due         time.Time
	expires     time.Time
	failures    uint32
	token       uuid
	lockedUntil time.Time
	// source is the queue that a dead letter comes from.
	source string
}

// States of a message as x-opt-message-state tells them.
const (
	stateActive   int32 = 0
	stateDeferred int32 = 1
	statePlanned  int32 = 2
)

// formatBatch marks a transfer whose data sections are messages.
const formatBatch = 0x80013700

// parseMessages reads the payload of a transfer: one message or a batch.
func parseMessages(format uint32, payload []byte) ([]*message, error) {
	if format != formatBatch {
		m, err := parseMessage(payload)
		return []*message{m}, err
	}
	var envelope amqp.Message
	if err := envelope.UnmarshalBinary(payload); err != nil {
		return nil, fmt.Errorf("read a batch: %w", err)
	}
	var all []*message
	for _, data := range envelope.Data {
		m, err := parseMessage(data)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func parseMessage(payload []byte) (*message, error) {
	m := &message{content: &amqp.Message{}, size: len(payload)}
	if err := m.content.UnmarshalBinary(payload); err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	m.due, _ = m.content.Annotations["x-opt-scheduled-enqueue-time"].(time.Time)
	return m, nil
}

func (m *message) id() string {
	if m.content.Properties == nil || m.content.Properties.MessageID == nil {
		return ""
	}
	return fmt.Sprint(m.content.Properties.MessageID)
}

func (m *message) ttl() time.Duration {
	if m.content.Header == nil {
		return 0
	}
	return m.content.Header.TTL
}

// modify writes application properties over the message's own.
func (m *message) modify(properties map[string]any) {
	if len(properties) == 0 {
		return
	}
	merged := maps.Clone(m.content.ApplicationProperties)
	if merged == nil {
		merged = map[string]any{}
	}
	maps.Copy(merged, properties)
	m.content.ApplicationProperties = merged
}

// shown is the message as the service shows it, with the annotations it adds.
func (m *message) shown(state int32) *amqp.Message {
	c := *m.content
	header := amqp.MessageHeader{Priority: 4}
	if c.Header != nil {
		header = *c.Header
	}
	header.DeliveryCount = m.failures
	c.Header = &header
	if c.Properties == nil {
		c.Properties = &amqp.MessageProperties{}
	}
	annotations := amqp.Annotations{}
	maps.Copy(annotations, c.Annotations)
	annotations["x-opt-sequence-number"] = m.sequence
	annotations["x-opt-enqueued-time"] = m.enqueued
	annotations["x-opt-message-state"] = state
	if m.token != (uuid{}) {
		annotations["x-opt-locked-until"] = m.lockedUntil
	}
	if m.source != "" {
		annotations["x-opt-deadletter-source"] = m.source
	}
	c.Annotations = annotations
	return &c
}

func (e *entity) stateOf(m *message) int32 {
	switch {
	case e.planned[m.sequence] == m:
		return statePlanned
	case e.deferred[m.sequence] == m:
		return stateDeferred
	}
	return stateActive
}

func newToken() (t uuid) {
	_, _ = rand.Read(t[:]) // it never fails
	return t
}

// flipped is a GUID in the byte order of .NET, which delivery tags have.
func (t uuid) flipped() []byte {
	return []byte{t[3], t[2], t[1], t[0], t[5], t[4], t[7], t[6], t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15]}
}
