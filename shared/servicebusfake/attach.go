package servicebusfake

import (
	"strings"
)

// node is what an address names.
type node struct {
	address string
	// entity is nil for $cbs.
	entity     *entity
	cbs        bool
	management bool
}

// find gives the node of an address. Addresses do not differ by case, and may be URLs.
func (s *Server) find(address string) (n node, found bool) {
	n.address = pathOf(address)
	if n.address == "$cbs" {
		n.cbs = true
		return n, true
	}
	name, management := strings.CutSuffix(n.address, "/$management")
	n.management = management
	n.entity = s.queues[name]
	return n, n.entity != nil
}

// pathOf takes scheme and host off an address.
func pathOf(address string) string {
	if _, rest, isURL := strings.Cut(address, "://"); isURL {
		_, address, _ = strings.Cut(rest, "/")
	}
	return strings.ToLower(strings.Trim(address, "/"))
}

// attach opens a link, or refuses it: an answer without a terminus, then a detach.
func (s *session) attach(f fields) {
	name, handle, receives := field[string](f, 0), field[uint32](f, 1), field[bool](f, 2)
	_, source := f.inner(5)
	_, target := f.inner(6)
	address := field[string](target, 0)
	if receives {
		address = field[string](source, 0)
	}
	n, refused := s.admit(address)
	if refused != nil {
		answer := composite(codeAttach, name, handle, !receives, f.at(3), f.at(4))
		if receives {
			answer = composite(codeAttach, name, handle, !receives, f.at(3), f.at(4), nil, nil, nil, nil, uint32(0))
		}
		s.frame(answer, nil)
		s.frame(composite(codeDetach, handle, true, refused.composite()), nil)
		return
	}
	if receives {
		s.attachReceiver(f, n, field[string](target, 0))
		return
	}
	s.attachSender(f, n)
}

// admit finds what a link wants, and says why it may not have it.
func (s *session) admit(address string) (node, *condition) {
	server := s.conn.server
	n, found := server.find(address)
	if refused := server.faults.refuse(n.address); refused != nil {
		return n, refused
	}
	if !n.cbs && !s.conn.claims[n.address] {
		return n, &condition{conditionUnauthorized, "Unauthorized access. No token was put for " + n.address + "."}
	}
	if !found {
		return n, &condition{conditionNotFound, "The messaging entity '" + n.address + "' could not be found."}
	}
	return n, nil
}

// attachReceiver opens a link that the client receives on.
func (s *session) attachReceiver(f fields, n node, replyTo string) {
	l := &outLink{session: s, handle: field[uint32](f, 1), name: field[string](f, 0), replyTo: replyTo}
	l.settled = field[uint8](f, 3) == 1
	s.outs[l.handle] = l
	if !n.cbs && !n.management {
		l.entity = n.entity
		n.entity.takers = append(n.entity.takers, l)
	}
	s.frame(composite(codeAttach, f.at(0), l.handle, false, f.at(3), f.at(4), f.at(5), f.at(6), nil, nil, uint32(0)), nil)
}

// attachSender opens a link that the client sends on.
func (s *session) attachSender(f fields, n node) {
	l := &inLink{session: s, handle: field[uint32](f, 1), node: n}
	s.ins[l.handle] = l
	size := DefaultMaxMessageSize
	if n.entity != nil {
		size = n.entity.settings.MaxMessageSize
	}
	s.frame(composite(codeAttach, f.at(0), l.handle, true, f.at(3), f.at(4), f.at(5), f.at(6), nil, nil, nil, uint64(size)), nil)
	l.topUp()
}
