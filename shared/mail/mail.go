// Package mail says through which server letters are mailed, and what a letter is. What
// sends them is package mail/smtp, which only the functions that mail link.
package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
)

// Security is how the connection is protected.
type Security string

const (
	// StartTLS begins in clear and must become TLS before anything is said.
	StartTLS Security = "starttls"
	// Implicit is TLS from the first byte, as on port 465.
	Implicit Security = "implicit"
	// None is for a server on this machine: TLS where it offers it.
	None Security = "none"
)

// Options say through which server. Zero fields are as described.
type Options struct {
	// Address is HOST:PORT of the server. Required.
	Address string
	// From is the sender's address, "usher@contoso.com" or "Usher <usher@contoso.com>". Required.
	From string
	// Username and Password sign in; empty does not.
	Username string
	Password account.Secret
	// Security is required; see SecurityOf for the default.
	Security Security
	// Roots replaces the authorities that the machine trusts; nil means those.
	Roots *x509.CertPool
	// Timeout bounds one letter. Zero means 25 seconds.
	Timeout time.Duration
	// Now is the clock of the date line. Nil means time.Now.
	Now func() time.Time
}

// SecurityOf is the default for a host and port: implicit TLS on port 465, none on this
// machine, else STARTTLS.
func SecurityOf(server string) Security {
	host, port, _ := net.SplitHostPort(server)
	switch {
	case port == "465": // RFC 8314, section 3.3
		return Implicit
	case address.Loopback(host):
		return None
	}
	return StartTLS
}

// Server is the host and port of the address.
func (o Options) Server() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(o.Address)
	number, bad := strconv.ParseUint(text, 10, 16)
	if err != nil || bad != nil || host == "" || number == 0 {
		return "", 0, fmt.Errorf("%q is not HOST:PORT, such as smtp.contoso.com:587", o.Address)
	}
	return host, int(number), nil
}

// Check says what to change before letters can be sent.
func (o Options) Check() error {
	host, _, err := o.Server()
	if err != nil {
		return err
	}
	if _, err := netmail.ParseAddress(o.From); err != nil {
		return fmt.Errorf("the sender %q is not a mail address", o.From)
	}
	switch {
	case o.Security != StartTLS && o.Security != Implicit && o.Security != None:
		return fmt.Errorf("%q is not starttls, implicit or none", o.Security)
	case o.Security == None && !address.Loopback(host):
		return fmt.Errorf("mail to %s must be protected; none is for a server on this machine", host)
	case (o.Username == "") != o.Password.IsZero():
		return errors.New("a user name needs a password, and a password a user name")
	}
	return nil
}

// Letter is one mail to one address.
type Letter struct {
	// ID is the same when the letter is sent again; mail programs show the second one as
	// the first. It is put before the @ of the Message-ID.
	ID            string
	To            string
	Subject, Text string
}
