package servicebusfake

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// keepAlive is how often a silent connection shows that it lives; clients give up after 30 s.
const keepAlive = 20 * time.Second

// conn is one connection. Its server's mutex guards all of it but the network.
type conn struct {
	server  *Server
	network net.Conn

	out  []byte
	wake chan struct{}
	gone chan struct{}
	dead bool

	sessions map[uint16]*session
	// claims are the addresses that a token was put for.
	claims map[string]bool
}

func newConn(s *Server, network net.Conn) *conn {
	return &conn{
		server: s, network: network, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		sessions: map[uint16]*session{}, claims: map[string]bool{},
	}
}

// read serves the connection until it ends. What a client did wrong ends it.
func (c *conn) read() {
	r := bufio.NewReader(c.network)
	err := c.greet(r)
	for err == nil {
		var f frame
		if f, err = readFrame(r); err == nil && f.code != 0 {
			err = c.take(f)
		}
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.cut()
}

// greet does SASL, which takes anybody (the token comes later), and opens AMQP.
func (c *conn) greet(r io.Reader) error {
	protocol, err := readHeader(r)
	if err != nil {
		return err
	}
	if protocol == header(3)[4] {
		c.send(header(3))
		c.send(frameBytes(frameSASL, 0, composite(codeSASLMechanisms, array{symbol("ANONYMOUS"), symbol("MSSBCBS")}), nil))
		f, err := readFrame(r)
		if err != nil {
			return err
		}
		if f.code != codeSASLInit {
			return fmt.Errorf("amqp: frame 0x%x in the place of sasl-init", f.code)
		}
		c.send(frameBytes(frameSASL, 0, composite(codeSASLOutcome, uint8(0)), nil))
		if protocol, err = readHeader(r); err != nil {
			return err
		}
	}
	if protocol != 0 {
		return fmt.Errorf("amqp: protocol %d is not spoken here", protocol)
	}
	c.send(header(0))
	return nil
}

func readHeader(r io.Reader) (protocol byte, err error) {
	var got [8]byte
	if _, err := io.ReadFull(r, got[:]); err != nil {
		return 0, err
	}
	if !bytes.Equal(got[:], header(got[4])) {
		return 0, errors.New("amqp: not AMQP 1.0")
	}
	return got[4], nil
}

// send queues bytes, for whoever does not hold the server's mutex.
func (c *conn) send(b []byte) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.push(b)
}

func (c *conn) push(b []byte) {
	c.out = append(c.out, b...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// frame queues a frame.
func (c *conn) frame(channel uint16, body described, payload []byte) {
	c.push(frameBytes(frameAMQP, channel, body, payload))
}

// write sends what is queued, and a sign of life now and then.
func (c *conn) write() {
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		var batch []byte
		select {
		case <-c.gone:
			return
		case <-c.wake:
			c.server.mu.Lock()
			batch, c.out = c.out, nil
			c.server.mu.Unlock()
		case <-alive.C:
			batch = []byte{0, 0, 0, 8, 2, frameAMQP, 0, 0}
		}
		if _, err := c.network.Write(batch); err != nil {
			return // the reader ends too
		}
	}
}

// cut ends the connection as a broken cable does. Locks stay until they are over.
func (c *conn) cut() {
	if c.dead {
		return
	}
	c.dead = true
	for _, s := range c.sessions {
		s.end()
	}
	delete(c.server.conns, c)
	close(c.gone)
	if t, ok := c.network.(*tls.Conn); ok {
		_ = t.NetConn().Close() // without the goodbye of TLS, which may block
		return
	}
	_ = c.network.Close()
}

// take handles one frame. What was read before a cut comes too late.
func (c *conn) take(f frame) error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.dead {
		return net.ErrClosed
	}
	switch f.code {
	case codeOpen:
		c.frame(0, composite(codeOpen, "servicebusfake", nil, uint32(maxFrame), uint16(0xffff)), nil)
		return nil
	case codeClose:
		c.frame(0, composite(codeClose), nil)
		return nil
	case codeBegin:
		c.sessions[f.channel] = newSession(c, f.channel)
		return nil
	}
	s := c.sessions[f.channel]
	if s == nil {
		return fmt.Errorf("amqp: frame 0x%x on channel %d, which has no session", f.code, f.channel)
	}
	return s.take(f)
}
