package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/usher365/usher/shared/mail"
)

// delivery is one connection for one letter.
type delivery struct {
	*Sender
	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

// send goes through the dialogue: connect, protect, sign in, hand over.
func (d *delivery) send(ctx context.Context, message *gomail.Msg) error {
	policy := gomail.TLSOpportunistic
	if d.Security == mail.Implicit {
		policy = gomail.NoTLS
	}
	client, err := gomail.NewClient(d.host, gomail.WithPort(d.port), gomail.WithTimeout(d.Timeout), gomail.WithTLSPolicy(policy),
		gomail.WithTLSConfig(d.tls()), gomail.WithSMTPAuth(gomail.SMTPAuthNoAuth), gomail.WithoutNoop(), gomail.WithDialContextFunc(d.dial))
	if err != nil {
		return fmt.Errorf("use the settings: %w", err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	if _, err := session.GetTLSConnectionState(); err != nil && d.Security != mail.None {
		return errUnprotected
	}
	if err := d.signIn(session); err != nil {
		return err
	}
	if err := client.SendWithSMTPClient(session, message); err != nil {
		return err
	}
	// The letter is accepted; what becomes of the farewell changes nothing.
	_ = session.Quit()
	return nil
}

func (d *delivery) signIn(session *smtp.Client) error {
	if d.Username == "" {
		return nil
	}
	way, err := d.plainOrLogin(session)
	if err != nil {
		return err
	}
	if err := session.Auth(way); err != nil {
		return fmt.Errorf("sign in as %s: %w", d.Username, err)
	}
	return nil
}

func (d *delivery) tls() *tls.Config {
	return &tls.Config{ServerName: d.host, RootCAs: d.Roots, MinVersion: tls.VersionTLS12}
}

// dial keeps the connection, so that it is closed however the dialogue ends.
func (d *delivery) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var (
		conn net.Conn
		err  error
	)
	if d.Security == mail.Implicit {
		conn, err = (&tls.Dialer{Config: d.tls()}).DialContext(ctx, network, address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn = conn
	if d.closed {
		return nil, fmt.Errorf("%w; %w", net.ErrClosed, conn.Close())
	}
	return conn, nil
}

// close ends the connection; a dialogue that goes on fails.
func (d *delivery) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.conn != nil {
		_ = d.conn.Close() // a second time, or after the server's
	}
}
