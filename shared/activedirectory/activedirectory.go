// Package activedirectory makes, disables and deletes service accounts in on-premises
// Active Directory, over LDAPS, for tenants whose accounts come to Entra by Entra Connect
// (account.mode synced). Every account that it makes bears the stamp of its request, and
// no account without that stamp is ever changed.
//
// What this package does not do, its callers must: wait until Entra shows the account
// (or has lost it), matched by User.ImmutableID and never by name alone; ask the ledger
// whether the request still holds before each call; and never write to the synced account
// in Entra. All errors are package fault's, classified in errors.go.
package activedirectory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
)

// DefaultStampAttribute holds the stamp unless told otherwise. Every user has it in the
// schema of Windows, and Entra Connect uses it for nothing but values that begin with
// "User_" or "Group_" (reference: Microsoft Entra Connect, default configuration).
const DefaultStampAttribute = "adminDescription"

const (
	defaultTimeout = 30 * time.Second
	ldapsPort      = "636"
)

// Options say how a Client reaches one domain.
type Options struct {
	// URL is ldaps://HOST, with a port when it is not 636. Let it name one controller and
	// not the domain: another controller knows minutes later what this one was told, so
	// an account whose making was cut short would not be found there.
	URL string
	// BaseDN is the root of the domain or the part of it that we look at, such as
	// DC=corp,DC=example.
	BaseDN string
	// BindDN is who signs in: a distinguished name, or a user principal name. It needs
	// the rights to create, change and delete users in the organizational units of the
	// profiles, to reset their passwords, and to read them.
	BindDN   string
	Password account.Secret
	// Roots are the authorities that the controller's certificate is checked against.
	// Nil means those of the machine.
	Roots *x509.CertPool
	// Timeout ends one call of this package, from the connection to the answer. Zero
	// means 30 seconds.
	Timeout time.Duration
	// Dial opens the connection beneath TLS. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// StampAttribute is the name, in LDAP, of the attribute that bears our stamp: one
	// text, written by nobody else. Empty means DefaultStampAttribute. Where Exchange has
	// extended the schema, extensionAttribute15 shows it in Entra too.
	StampAttribute string
}

// Client acts on one domain, with a connection of its own for each call. It is safe for
// concurrent use.
type Client struct {
	address  string
	tls      *tls.Config
	base     *ldap.DN
	bindDN   string
	password account.Secret
	timeout  time.Duration
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	stamp    string
}

// attributeName is how LDAP writes the name of an attribute (RFC 4512, 1.4).
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// New checks the options and makes a Client. It makes no call.
func New(o Options) (*Client, error) {
	at, err := url.Parse(o.URL)
	if err != nil || at.Scheme != "ldaps" || at.Hostname() == "" || at.User != nil || at.Path != "" {
		return nil, fmt.Errorf("active directory: the address %q must be like ldaps://dc1.corp.example", o.URL)
	}
	base, err := ldap.ParseDN(o.BaseDN)
	if err != nil || len(base.RDNs) == 0 {
		return nil, fmt.Errorf("active directory: the base %q must be like DC=corp,DC=example", o.BaseDN)
	}
	if o.BindDN == "" || o.Password.IsZero() {
		// A server takes an empty password for nobody, and says yes.
		return nil, errors.New("active directory: a name and a password to sign in with are needed")
	}
	c := &Client{
		address: net.JoinHostPort(at.Hostname(), ldapsPort),
		tls:     &tls.Config{ServerName: at.Hostname(), RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		base:    base, bindDN: o.BindDN, password: o.Password, timeout: o.Timeout, dial: o.Dial, stamp: o.StampAttribute,
	}
	if at.Port() != "" {
		c.address = at.Host
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.dial == nil {
		c.dial = new(net.Dialer).DialContext
	}
	if c.stamp == "" {
		c.stamp = DefaultStampAttribute
	}
	if !attributeName.MatchString(c.stamp) || account.ReservedOnPremises(c.stamp) {
		return nil, fmt.Errorf("active directory: the attribute %q cannot bear the stamp", c.stamp)
	}
	return c, nil
}
