package servicebusfake

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/Azure/go-amqp"
)

// entity is a queue or a dead letter queue. Its server's mutex guards it.
type entity struct {
	server   *Server
	name     string
	settings QueueSettings
	// buries takes the dead letters; a dead letter queue has none.
	buries *entity

	sequence int64
	// ready is sorted by sequence number.
	ready    []*message
	locked   map[uuid]*message
	planned  map[int64]*message
	deferred map[int64]*message
	size     int
	// seen holds until when an id is remembered.
	seen map[string]time.Time
	// takers are the links that may have credit, the next one to be served first.
	takers []*outLink
	timer  alarm
}

func newEntity(s *Server, name string, settings QueueSettings) *entity {
	settings.Lock = cmp.Or(settings.Lock, DefaultLock)
	settings.MaxDeliveries = cmp.Or(settings.MaxDeliveries, DefaultMaxDeliveries)
	settings.DuplicateWindow = cmp.Or(settings.DuplicateWindow, DefaultDuplicateWindow)
	settings.TimeToLive = cmp.Or(settings.TimeToLive, defaultTimeToLive)
	settings.MaxMessageSize = cmp.Or(settings.MaxMessageSize, DefaultMaxMessageSize)
	e := &entity{
		server: s, name: name, settings: settings, seen: map[string]time.Time{},
		locked: map[uuid]*message{}, planned: map[int64]*message{}, deferred: map[int64]*message{},
	}
	e.timer.ring = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.sweep()
	}
	return e
}

// next gives a sequence number.
func (e *entity) next() int64 {
	e.sequence++
	return e.sequence
}

// put takes messages, all or none, and gives their sequence numbers; a duplicate is
// dropped and has one too.
func (e *entity) put(msgs ...*message) (sequences []int64, refused *condition) {
	room := e.settings.MaxSize
	for _, m := range msgs {
		room -= m.size
		if m.size > e.settings.MaxMessageSize {
			return nil, &condition{conditionTooLarge, fmt.Sprintf("the message has %d bytes, at most %d", m.size, e.settings.MaxMessageSize)}
		}
	}
	if e.settings.MaxSize > 0 && room < e.size {
		return nil, &condition{conditionFull, "the queue has reached its size quota"}
	}
	for _, m := range msgs {
		m.sequence = e.next()
		sequences = append(sequences, m.sequence)
		if !e.duplicate(m.id()) {
			e.admit(m)
		}
	}
	e.pump()
	return sequences, nil
}

// duplicate reports whether an id was seen within the window, and remembers it otherwise.
func (e *entity) duplicate(id string) bool {
	if !e.settings.DetectDuplicates || id == "" {
		return false
	}
	now := e.server.now()
	if until, known := e.seen[id]; known && now.Before(until) {
		return true
	}
	e.seen[id] = now.Add(e.settings.DuplicateWindow)
	return false
}

func (e *entity) admit(m *message) {
	now := e.server.now()
	e.size += m.size
	m.enqueued = now
	if m.due.After(now) {
		e.planned[m.sequence] = m
		e.timer.by(m.due, now)
		return
	}
	e.activate(m, now)
}

// activate makes a message available.
func (e *entity) activate(m *message, now time.Time) {
	m.enqueued = now
	life := e.settings.TimeToLive
	if own := m.ttl(); own > 0 {
		life = min(life, own)
	}
	m.expires = now.Add(life)
	if e.buries != nil && life < defaultTimeToLive {
		e.timer.by(m.expires, now)
	}
	e.offer(m)
}

// offer puts a message among those that are ready.
func (e *entity) offer(m *message) {
	m.token = uuid{}
	at, _ := slices.BinarySearchFunc(e.ready, m.sequence, bySequence)
	e.ready = slices.Insert(e.ready, at, m)
}

func bySequence(m *message, sequence int64) int { return cmp.Compare(m.sequence, sequence) }

// sweep does what the clock asks for, and sets the alarm for the next time.
func (e *entity) sweep() {
	now := e.server.now()
	e.timer.stop()
	e.activatePlanned(now)
	e.expireLocks(func(m *message) bool { return !now.Before(m.lockedUntil) })
	e.expireMessages(now)
	for _, m := range e.planned {
		e.timer.by(m.due, now)
	}
	for _, m := range e.locked {
		e.timer.by(m.lockedUntil, now)
	}
	e.pump()
}

// activatePlanned gives messages that fell due a new sequence number, as the service does.
func (e *entity) activatePlanned(now time.Time) {
	var due []*message
	for sequence, m := range e.planned {
		if !now.Before(m.due) {
			delete(e.planned, sequence)
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b *message) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.sequence, b.sequence))
	})
	for _, m := range due {
		m.sequence = e.next()
		e.activate(m, now)
	}
}

// expireMessages drops or buries what is over its time to live; dead letters live on.
func (e *entity) expireMessages(now time.Time) {
	if e.buries == nil {
		return
	}
	e.ready = slices.DeleteFunc(e.ready, func(m *message) bool {
		if now.Before(m.expires) {
			if m.expires.Sub(m.enqueued) < defaultTimeToLive {
				e.timer.by(m.expires, now)
			}
			return false
		}
		e.size -= m.size
		if e.settings.DeadLetterExpired {
			e.buries.receive(m, e.name, reasonExpired, "The message expired and was dead lettered.")
		}
		return true
	})
}

func (e *entity) expireLocks(over func(*message) bool) {
	for _, m := range e.holders() {
		if over(m) {
			delete(e.locked, m.token)
			e.giveBack(m)
		}
	}
}

// holders lists the locked messages by sequence number.
func (e *entity) holders() []*message {
	all := make([]*message, 0, len(e.locked))
	for _, m := range e.locked {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) })
	return all
}

// giveBack counts a failed delivery, and buries the message when there were too many.
func (e *entity) giveBack(m *message) {
	if e.buries == nil {
		e.offer(m)
		return
	}
	m.failures++
	if int(m.failures) < e.settings.MaxDeliveries {
		e.offer(m)
		return
	}
	e.size -= m.size
	e.buries.receive(m, e.name, reasonMaxDeliveries,
		fmt.Sprintf("Message could not be consumed after %d delivery attempts.", e.settings.MaxDeliveries))
}

// receive takes a dead letter.
func (e *entity) receive(m *message, from, reason, text string) {
	properties := map[string]any{}
	for key, value := range m.content.ApplicationProperties {
		properties[key] = value
	}
	properties["DeadLetterReason"], properties["DeadLetterErrorDescription"] = reason, text
	m.content.ApplicationProperties = properties
	m.source = from
	e.sequence = max(e.sequence, m.sequence)
	e.size += m.size
	e.offer(m)
	e.pump()
}

// pump hands ready messages to links with credit, one each in turn.
func (e *entity) pump() {
	for len(e.ready) > 0 {
		at := slices.IndexFunc(e.takers, func(l *outLink) bool { return l.credit > 0 })
		if at < 0 {
			return
		}
		l := e.takers[at]
		e.takers = append(slices.Delete(e.takers, at, at+1), l)
		m := e.ready[0]
		e.ready = slices.Delete(e.ready, 0, 1)
		if l.settled {
			e.size -= m.size
		} else {
			e.lock(m)
		}
		l.deliver(m)
	}
}

func (e *entity) lock(m *message) {
	now := e.server.now()
	m.token = newToken()
	m.lockedUntil = now.Add(e.settings.Lock)
	e.locked[m.token] = m
	e.timer.by(m.lockedUntil, now)
}

// renew moves the end of a lock.
func (e *entity) renew(token uuid) (until time.Time, ok bool) {
	m := e.locked[token]
	if m == nil {
		return until, false
	}
	m.lockedUntil = e.server.now().Add(e.settings.Lock)
	return m.lockedUntil, true
}

// verb is what a holder does with a message.
type verb int

const (
	complete verb = iota
	release
	abandon
	postpone // the service calls it defer
	bury
)

// settlement is a holder's answer.
type settlement struct {
	verb         verb
	reason, text string
	// properties are written over the message's own.
	properties map[string]any
}

// settle carries out a holder's answer. It reports whether the lock was still there.
func (e *entity) settle(token uuid, s settlement) bool {
	m := e.locked[token]
	if m == nil {
		return false
	}
	delete(e.locked, token)
	m.modify(s.properties)
	switch s.verb {
	case complete:
		e.size -= m.size
	case release:
		e.offer(m)
	case abandon:
		e.giveBack(m)
	case postpone:
		m.token = uuid{}
		e.deferred[m.sequence] = m
	case bury:
		if e.buries == nil {
			e.offer(m)
			break
		}
		e.size -= m.size
		e.buries.receive(m, e.name, s.reason, s.text)
	}
	e.pump()
	return true
}

// cancel takes planned messages back, all or none.
func (e *entity) cancel(sequences []int64) bool {
	for _, sequence := range sequences {
		if e.planned[sequence] == nil {
			return false
		}
	}
	for _, sequence := range sequences {
		e.size -= e.planned[sequence].size
		delete(e.planned, sequence)
	}
	return true
}

// receiveDeferred locks deferred messages, all or none.
func (e *entity) receiveDeferred(sequences []int64) (found []*message) {
	for _, sequence := range sequences {
		m := e.deferred[sequence]
		if m == nil {
			return nil
		}
		found = append(found, m)
	}
	for _, m := range found {
		delete(e.deferred, m.sequence)
		e.lock(m)
	}
	return found
}

// peek lists messages of every state from a sequence number on.
func (e *entity) peek(from int64, most int) []*amqp.Message {
	all := append(e.holders(), e.ready...)
	for _, m := range e.planned {
		all = append(all, m)
	}
	for _, m := range e.deferred {
		all = append(all, m)
	}
	all = slices.DeleteFunc(all, func(m *message) bool { return m.sequence < from })
	slices.SortFunc(all, func(a, b *message) int { return cmp.Compare(a.sequence, b.sequence) })
	var found []*amqp.Message
	for _, m := range all[:min(most, len(all))] {
		found = append(found, m.shown(e.stateOf(m)))
	}
	return found
}
