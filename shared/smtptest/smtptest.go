// Package smtptest is a mail server for tests: it speaks SMTP on a port of this machine,
// with STARTTLS and a way to sign in, and refuses or falls silent when told to.
package smtptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Options of a Server. The zero value takes every mail, in clear.
type Options struct {
	// StartTLS offers it; Implicit speaks TLS from the first byte.
	StartTLS, Implicit bool
	// Username and Password must be given before a mail, unless they are empty.
	Username, Password string
	// Login offers LOGIN to sign in with, instead of PLAIN.
	Login bool
	// Answer gives the reply to a command instead of the usual one ("550 5.1.1 no such
	// user"); empty leaves the usual one. "silence" says nothing more, "hang up" goes away.
	Answer func(command string) string
}

// Mail is one that was taken.
type Mail struct {
	From string
	To   []string
	// Text is headers and body as they came.
	Text string
	// Secure is true when it came over TLS, SignedIn when the sender signed in.
	Secure, SignedIn bool
}

// Server is a running mail server.
type Server struct {
	// Address is HOST:PORT; Roots trust its certificate, which is for 127.0.0.1.
	Address string
	Roots   *x509.CertPool

	options     Options
	certificate tls.Certificate
	listener    net.Listener
	mu          sync.Mutex
	mails       []Mail
	open        map[net.Conn]bool
	done        sync.WaitGroup
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	s := &Server{options: o, certificate: web.TLS.Certificates[0], Roots: x509.NewCertPool(), open: map[net.Conn]bool{}}
	s.Roots.AddCert(web.Certificate())
	var err error
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.Address = s.listener.Addr().String()
	s.done.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

func (s *Server) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Mails gives what was taken so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.done.Go(func() {
			defer conn.Close()
			c := &session{Server: s, conn: conn, signedIn: s.options.Username == ""}
			if s.options.Implicit {
				c.secure()
			}
			c.serve()
		})
	}
}

// session is one connection.
type session struct {
	*Server
	conn             net.Conn
	lines            *textproto.Reader
	tls, signedIn    bool
	authenticated    bool
	mail             Mail
	finished, silent bool
}

func (c *session) secure() {
	c.conn, c.tls = tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.certificate}, MinVersion: tls.VersionTLS12}), true
	c.lines = textproto.NewReader(bufio.NewReader(c.conn))
}

func (c *session) serve() {
	if c.lines == nil {
		c.lines = textproto.NewReader(bufio.NewReader(c.conn))
	}
	c.say("220 mail.example.test ESMTP", "greeting")
	for !c.finished {
		line, err := c.lines.ReadLine()
		if err != nil {
			return
		}
		c.command(line)
	}
}

// say writes a reply, or what Answer puts in its place.
func (c *session) say(reply, command string) (usual bool) {
	usual = true
	if c.options.Answer != nil {
		if other := c.options.Answer(command); other != "" {
			reply, usual = other, false
		}
	}
	switch {
	case reply == "silence":
		c.silent = true
	case reply == "hang up":
		c.finished = true
		_ = c.conn.Close()
	case !c.silent:
		_, _ = io.WriteString(c.conn, reply+"\r\n") // the reader finds out when the other side is gone
	}
	return usual
}

func (c *session) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO":
		c.say(c.hello(), verb)
	case "STARTTLS":
		if c.say("220 go ahead", verb) {
			c.secure()
		}
	case "AUTH":
		c.auth(rest)
	case "MAIL", "RCPT":
		c.envelope(verb, line)
	case "DATA":
		c.data()
	case "QUIT":
		c.say("221 bye", verb)
		c.finished = true
	case "RSET", "NOOP":
		c.say("250 fine", verb)
	default:
		c.say("502 not known", verb)
	}
}

func (c *session) hello() string {
	lines := []string{"mail.example.test", "8BITMIME"}
	if c.options.StartTLS && !c.tls {
		lines = append(lines, "STARTTLS")
	}
	if c.options.Username != "" {
		way := "PLAIN"
		if c.options.Login {
			way = "LOGIN"
		}
		lines = append(lines, "AUTH "+way)
	}
	return "250-" + strings.Join(lines, "\r\n250-") + "\r\n250 SIZE 1000000"
}

func (c *session) auth(rest string) {
	way, first, _ := strings.Cut(rest, " ")
	given := ""
	switch strings.ToUpper(way) {
	case "PLAIN":
		given = strings.TrimPrefix(decode(first), "\x00")
	case "LOGIN":
		given = c.ask("Username:") + "\x00" + c.ask("Password:")
	}
	if given != c.options.Username+"\x00"+c.options.Password {
		c.say("535 5.7.8 wrong credentials", "AUTH")
		return
	}
	if c.say("235 welcome", "AUTH") {
		c.signedIn, c.authenticated = true, true
	}
}

func (c *session) ask(what string) string {
	c.say("334 "+base64.StdEncoding.EncodeToString([]byte(what)), "challenge")
	line, _ := c.lines.ReadLine() // nothing is given when the other side is gone
	return decode(line)
}

func decode(text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(b)
}

func (c *session) envelope(verb, line string) {
	if !c.signedIn {
		c.say("530 5.7.0 sign in first", verb)
		return
	}
	address := strings.Trim(strings.SplitN(line, ":", 2)[1], "<> ")
	address, _, _ = strings.Cut(address, ">")
	if !c.say("250 fine", line) {
		return
	}
	if verb == "MAIL" {
		c.mail = Mail{From: address, Secure: c.tls, SignedIn: c.authenticated}
		return
	}
	c.mail.To = append(c.mail.To, address)
}

func (c *session) data() {
	if !c.say("354 go ahead", "DATA") {
		return
	}
	text, err := c.lines.ReadDotBytes()
	if err != nil {
		return
	}
	c.mail.Text = string(text)
	if !c.say(fmt.Sprintf("250 taken as %d", len(c.Mails())+1), "body") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mails = append(c.mails, c.mail)
}
