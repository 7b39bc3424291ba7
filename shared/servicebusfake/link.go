package servicebusfake

import (
	"fmt"
	"slices"

	"github.com/Azure/go-amqp"
)

// sendCredit is how many messages a client may send ahead.
const sendCredit = 1000

// inLink is a link that the client sends on.
type inLink struct {
	session *session
	handle  uint32
	node    node

	received, credit uint32
	// open is the delivery that has more frames to come, or nil.
	open *incoming
}

// incoming is a delivery in the making.
type incoming struct {
	id      uint32
	format  uint32
	settled bool
	payload []byte
}

// topUp grants credit when it runs low.
func (l *inLink) topUp() {
	if l.credit > sendCredit/2 {
		return
	}
	l.credit = sendCredit
	s := l.session
	s.frame(composite(codeFlow, uint32(0), window, s.nextOutgoing, window, l.handle, l.received, l.credit), nil)
}

// take adds a transfer frame, and handles the message when it was the last one.
func (l *inLink) take(f frame) {
	if l.open == nil {
		l.open = &incoming{id: field[uint32](f.fields, 1), format: field[uint32](f.fields, 3)}
	}
	in := l.open
	in.settled = in.settled || field[bool](f.fields, 4)
	in.payload = append(in.payload, f.payload...)
	if more := field[bool](f.fields, 5); more {
		return
	}
	l.open = nil
	l.received++
	l.credit--
	refused := l.handleMessage(in)
	if !in.settled {
		outcome := composite(codeAccepted)
		if refused != nil {
			outcome = composite(codeRejected, refused.composite())
		}
		l.session.frame(composite(codeDisposition, true, in.id, in.id, true, outcome), nil)
	}
	l.topUp()
}

func (l *inLink) handleMessage(in *incoming) (refused *condition) {
	server := l.session.conn.server
	if l.node.cbs || l.node.management {
		var request amqp.Message
		if err := request.UnmarshalBinary(in.payload); err != nil {
			return &condition{"amqp:decode-error", err.Error()}
		}
		l.session.conn.answer(l.node, &request)
		return nil
	}
	if server.faults.isBusy() {
		return busy()
	}
	msgs, err := parseMessages(in.format, in.payload)
	if err != nil {
		return &condition{"amqp:decode-error", err.Error()}
	}
	if len(in.payload) > l.node.entity.settings.MaxMessageSize {
		return &condition{conditionTooLarge, fmt.Sprintf("the transfer has %d bytes", len(in.payload))}
	}
	_, refused = l.node.entity.put(msgs...)
	return refused
}

func busy() *condition {
	return &condition{conditionBusy, "The server was unable to process the request; please retry the operation. (Error code: 50009)"}
}

// outLink is a link that the client receives on: messages of an entity, or replies.
type outLink struct {
	session *session
	handle  uint32
	// entity is nil for a link that carries replies.
	entity *entity
	// Replies are wanted under the link's name or under this address: clients differ.
	name, replyTo string
	// settled says that the client wants deliveries settled: it receives and deletes.
	settled bool

	sent, credit uint32
	// backlog are replies that wait for credit.
	backlog []*amqp.Message
}

// grant sets the credit. A client that drains wants what is there, and the rest of the credit back.
func (l *outLink) grant(received, credit uint32, drain bool) {
	l.credit = received + credit - l.sent
	if l.entity != nil {
		l.entity.pump()
	}
	for len(l.backlog) > 0 && l.credit > 0 {
		m := l.backlog[0]
		l.backlog = l.backlog[1:]
		l.transfer(m, newToken(), true)
	}
	if drain {
		l.sent += l.credit
		l.credit = 0
		s := l.session
		s.frame(composite(codeFlow, uint32(0), window, s.nextOutgoing, window, l.handle, l.sent, uint32(0), nil, true), nil)
	}
}

// reply sends an answer as soon as there is credit.
func (l *outLink) reply(m *amqp.Message) {
	l.backlog = append(l.backlog, m)
	l.grant(l.sent, l.credit, false)
}

// deliver hands over a message of the entity.
func (l *outLink) deliver(m *message) {
	if !l.settled {
		l.session.unsettled[l.session.nextDelivery] = delivery{l.entity, m.token}
	}
	l.transfer(m.shown(stateActive), m.token, l.settled)
}

// transfer writes a message in as many frames as it takes.
func (l *outLink) transfer(m *amqp.Message, tag uuid, settled bool) {
	s := l.session
	payload, err := m.MarshalBinary()
	if err != nil {
		panic(err) // it was unmarshalled, or made, by us
	}
	id := s.nextDelivery
	s.nextDelivery++
	l.sent++
	l.credit--
	for piece := range slices.Chunk(payload, maxFrame-512) {
		more := len(piece) == maxFrame-512 && &piece[len(piece)-1] != &payload[len(payload)-1]
		s.nextOutgoing++
		s.frame(composite(codeTransfer, l.handle, id, tag.flipped(), uint32(0), settled, more), piece)
	}
}

// close takes the link out of its entity's turn. What it delivered stays locked.
func (l *outLink) close() {
	if l.entity == nil {
		return
	}
	l.entity.takers = slices.DeleteFunc(l.entity.takers, func(other *outLink) bool { return other == l })
}
