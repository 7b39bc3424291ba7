package servicebusfake

import (
	"fmt"
	"maps"
	"slices"
)

// window is the session window that we grant and assume: as good as without limit.
const window = uint32(1<<31 - 1)

// session holds links. Channel and handle numbers are the client's on both sides.
type session struct {
	conn    *conn
	channel uint16
	// ins are the links that the client sends on, outs those that it receives on.
	ins  map[uint32]*inLink
	outs map[uint32]*outLink
	// unsettled are the deliveries that the client has not settled, by delivery id.
	unsettled    map[uint32]delivery
	nextDelivery uint32
	nextOutgoing uint32
}

// delivery is what was handed over.
type delivery struct {
	entity *entity
	token  uuid
}

func newSession(c *conn, channel uint16) *session {
	s := &session{
		conn: c, channel: channel,
		ins: map[uint32]*inLink{}, outs: map[uint32]*outLink{}, unsettled: map[uint32]delivery{},
	}
	s.frame(composite(codeBegin, channel, uint32(0), window, window), nil)
	return s
}

func (s *session) frame(body described, payload []byte) { s.conn.frame(s.channel, body, payload) }

func (s *session) take(f frame) error {
	switch f.code {
	case codeAttach:
		s.attach(f.fields)
	case codeFlow:
		s.flow(f.fields)
	case codeTransfer:
		return s.transfer(f)
	case codeDisposition:
		s.disposition(f.fields)
	case codeDetach:
		s.detach(f.fields)
	case codeEnd:
		s.end()
		delete(s.conn.sessions, s.channel)
		s.frame(composite(codeEnd), nil)
	default:
		return fmt.Errorf("amqp: unexpected frame 0x%x", f.code)
	}
	return nil
}

// end takes the links away; nothing more is delivered on them.
func (s *session) end() {
	for _, l := range s.outs {
		l.close()
	}
}

func (s *session) detach(f fields) {
	handle := field[uint32](f, 0)
	l, out := s.outs[handle]
	_, in := s.ins[handle]
	if !out && !in {
		return // the client's answer to our detach
	}
	if out {
		l.close()
		delete(s.outs, handle)
	}
	delete(s.ins, handle)
	s.frame(composite(codeDetach, handle, true), nil)
}

func (s *session) flow(f fields) {
	handle, named := f.at(4).(uint32)
	if l := s.outs[handle]; named && l != nil {
		l.grant(field[uint32](f, 5), field[uint32](f, 6), field[bool](f, 8))
	}
	if field[bool](f, 9) {
		s.frame(composite(codeFlow, uint32(0), window, s.nextOutgoing, window), nil)
	}
}

func (s *session) transfer(f frame) error {
	l := s.ins[field[uint32](f.fields, 0)]
	if l == nil {
		return fmt.Errorf("amqp: transfer on handle %d, which has no link", field[uint32](f.fields, 0))
	}
	l.take(f)
	return nil
}

// disposition carries out what a receiver answers for deliveries.
func (s *session) disposition(f fields) {
	if receiver := field[bool](f, 0); !receiver {
		return // a sender settles what we settled already
	}
	first := field[uint32](f, 1)
	last := first
	if v, some := f.at(2).(uint32); some {
		last = v
	}
	code, state := f.inner(4)
	settled := field[bool](f, 3)
	for _, id := range slices.Sorted(maps.Keys(s.unsettled)) {
		if id < first || id > last || code < codeAccepted {
			continue
		}
		s.conn.server.faults.settling(s.conn.server, func(answer bool) { s.settle(id, code, state, answer && !settled) })
	}
}

// settle carries out one answer, and tells the client whether the lock was still there.
func (s *session) settle(id uint32, code uint64, state fields, answer bool) {
	d, known := s.unsettled[id]
	if !known {
		return
	}
	delete(s.unsettled, id)
	outcome := any(composite(codeAccepted))
	if !d.entity.settle(d.token, settlementOf(code, state)) {
		lost := &condition{conditionLockLost, "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."}
		outcome = composite(codeRejected, lost.composite())
	}
	if answer && !s.conn.dead {
		s.frame(composite(codeDisposition, false, id, id, true, outcome), nil)
	}
}

// settlementOf reads a delivery state.
func settlementOf(code uint64, state fields) settlement {
	switch code {
	case codeAccepted:
		return settlement{verb: complete}
	case codeReleased:
		return settlement{verb: release}
	case codeRejected:
		return burial(state)
	}
	s := settlement{verb: abandon}
	if undeliverable := field[bool](state, 1); undeliverable {
		s.verb = postpone
	}
	s.properties = textKeys(field[map[any]any](state, 2))
	return s
}

// burial reads a rejection, whose error holds the reason, the text and properties.
func burial(state fields) settlement {
	s := settlement{verb: bury}
	_, failure := state.inner(0)
	s.properties = textKeys(field[map[any]any](failure, 2))
	s.reason, _ = s.properties["DeadLetterReason"].(string)
	s.text, _ = s.properties["DeadLetterErrorDescription"].(string)
	return s
}

func textKeys(m map[any]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[textOf(key)] = value
	}
	return out
}
