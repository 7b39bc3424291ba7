// Package smtp sends letters by SMTP (RFC 5321) through one server that takes them in:
// with STARTTLS (RFC 3207) or implicit TLS, and only to this machine without.
package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/usher365/usher/shared/address"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/mail"
)

// timeout bounds the delivery of one letter.
const timeout = 25 * time.Second

// Sender sends letters.
type Sender struct {
	mail.Options
	host string
	port int
	from *netmail.Address
}

// New makes a sender of options that are as mail.Options.Check wants them.
func New(o mail.Options) (*Sender, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	host, port, err := o.Server()
	if err != nil {
		return nil, err
	}
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		return nil, err
	}
	s := &Sender{Options: o, host: host, port: port, from: from}
	s.Timeout = cmp.Or(o.Timeout, timeout)
	if s.Now == nil {
		s.Now = time.Now
	}
	return s, nil
}

// Send delivers one letter to the server. It fails with fault.MailRefused (permanent) where
// the server, or the connection to it, must not or will not take it, and with
// fault.MailFailed (transient) otherwise. Once the server has accepted the letter nothing
// is an error any more, for it would be sent again.
func (s *Sender) Send(ctx context.Context, l mail.Letter) error {
	message, err := s.message(l)
	if err != nil {
		return fault.Stopf(fault.MailRefused, "write the mail: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	d := &delivery{Sender: s}
	defer d.close()
	stop := context.AfterFunc(ctx, d.close)
	defer stop()
	if err := d.send(ctx, message); err != nil && !message.IsDelivered() {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
		return classify(fmt.Errorf("mail to %s by %s: %w", l.To, s.Address, err))
	}
	return nil
}

func (s *Sender) message(l mail.Letter) (*gomail.Msg, error) {
	to, err := netmail.ParseAddress(l.To)
	if err != nil {
		return nil, fmt.Errorf("%q is not a mail address", l.To)
	}
	m := gomail.NewMsg()
	m.FromMailAddress(s.from)
	m.ToMailAddress(to)
	m.Subject(strings.Join(strings.Fields(l.Subject), " "))
	m.SetDateWithValue(s.Now())
	_, domain, _ := strings.Cut(s.from.Address, "@")
	m.SetMessageIDWithValue(l.ID + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}

// errUnprotected says that the server cannot be spoken to in confidence.
var errUnprotected = errors.New("the server offers no STARTTLS; give its port with implicit TLS, or another server")

// errSignIn says that there is no way to sign in that both sides know.
var errSignIn = errors.New("the server offers neither PLAIN nor LOGIN to sign in with")

// classify tells what no retry cures: a refusal (5xx), a certificate that is not trusted,
// a server that does not do what the configuration asks for.
func classify(err error) error {
	code := 0
	if refused, ok := errors.AsType[*gomail.SendError](err); ok {
		code = refused.ErrorCode()
	} else if refused, ok := errors.AsType[*textproto.Error](err); ok {
		code = refused.Code
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	if code >= 500 || untrusted || errors.Is(err, errUnprotected) || errors.Is(err, errSignIn) {
		return fault.Stop(fault.MailRefused, err)
	}
	return fault.Retry(fault.MailFailed, 0, err)
}

// plainOrLogin chooses how to sign in (source: RFC 4954; Exchange Online offers LOGIN and
// not PLAIN). Neither is done without TLS, but to this machine.
func (s *Sender) plainOrLogin(client *smtp.Client) (smtp.Auth, error) {
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(offered)
	for _, way := range ways {
		switch strings.ToUpper(way) {
		case "PLAIN":
			return smtp.PlainAuth("", s.Username, s.Password.Reveal(), s.host, address.Loopback(s.host)), nil
		case "LOGIN":
			return smtp.LoginAuth(s.Username, s.Password.Reveal(), s.host, address.Loopback(s.host)), nil
		}
	}
	return nil, errSignIn
}
