// Package sambatest is a real Active Directory for tests: Samba's domain controller, one
// for each test binary, with LDAPS and nothing else. The first test that asks for it
// waits four to five seconds; it ends with the test binary, in whatever way that ends.
package sambatest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/usher365/usher/shared/account"
)

// Domain is a running domain with one controller. It has Samba's default password
// policy: seven characters of three kinds at least.
type Domain struct {
	// URL is ldaps:// with a loopback address that no other test binary has.
	URL string
	// BaseDN is the root of the domain, DNSName its name.
	BaseDN, DNSName string
	// BindDN and Password are the domain administrator's.
	BindDN   string
	Password account.Secret
	// Roots hold the authority that signed the controller's certificate.
	Roots *x509.CertPool
	// CA is that authority in PEM.
	CA []byte
}

// Start gives the domain of this test binary, which the first call starts. Where it
// cannot be started the test is skipped, and fails where the environment says CI=true.
func Start(t testing.TB) *Domain {
	t.Helper()
	s, err := theServer()
	return domain(t, s, err)
}

// StartReadOnly starts a copy of the domain, with nothing in it but what every domain
// has, whose controller is a read-only one: asked to write, it refers to another. It
// ends with the test, and there can be two in a test binary.
func StartReadOnly(t testing.TB) *Domain {
	t.Helper()
	first, err := theServer()
	domain(t, first, err)
	s, err := start(t.Context(), first.dir)
	d := domain(t, s, err)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Errorf("stop the read-only controller: %v", err)
		}
	})
	// The category of its settings is how a controller knows what it is.
	settings := ldap.NewModifyRequest("CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,"+d.BaseDN, nil)
	settings.Replace("objectCategory", []string{"CN=NTDS-DSA-RO,CN=Schema,CN=Configuration," + d.BaseDN})
	conn := d.connect(t)
	if err := errors.Join(conn.Modify(settings), conn.Close()); err != nil {
		t.Fatalf("make the controller a read-only one: %v", err)
	}
	return d
}

// domain describes a controller that was started, or ends the test.
func domain(t testing.TB, s *server, err error) *Domain {
	t.Helper()
	if errors.Is(err, errMissing) || errors.Is(err, errNotRoot) {
		missing(t, err)
	}
	if err != nil {
		t.Fatalf("start Samba: %v", err)
	}
	return &Domain{
		URL: "ldaps://" + s.endpoint(), BaseDN: baseDN, DNSName: "corp.example",
		BindDN: "CN=Administrator,CN=Users," + baseDN, Password: account.NewSecret(adminPassword),
		Roots: s.authority.roots, CA: s.authority.ca,
	}
}

func missing(t testing.TB, why error) {
	t.Helper()
	text := "NOT TESTED here: " + why.Error()
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// made counts the organizational units of this process.
var made atomic.Int64

// OU makes an organizational unit for one test, gives its distinguished name, and
// removes it with all that is in it when the test is over.
func (d *Domain) OU(t testing.TB) string {
	t.Helper()
	dn := fmt.Sprintf("OU=test%d,%s", made.Add(1), d.BaseDN)
	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"organizationalUnit"})
	if err := d.Connect(t).Add(add); err != nil {
		t.Fatalf("make %s: %v", dn, err)
	}
	t.Cleanup(func() {
		tree := []ldap.Control{ldap.NewControlSubtreeDelete()}
		if err := d.Connect(t).Del(ldap.NewDelRequest(dn, tree)); err != nil {
			t.Errorf("remove %s: %v", dn, err)
		}
	})
	return dn
}

// Connect gives a connection of the domain administrator, closed when the test is over.
func (d *Domain) Connect(t testing.TB) *ldap.Conn {
	t.Helper()
	conn := d.connect(t)
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close the connection to %s: %v", d.URL, err)
		}
	})
	return conn
}

func (d *Domain) connect(t testing.TB) *ldap.Conn {
	t.Helper()
	conn, err := ldap.DialURL(d.URL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.Roots}))
	if err != nil {
		t.Fatalf("connect to %s: %v", d.URL, err)
	}
	if err := conn.Bind(d.BindDN, d.Password.Reveal()); err != nil {
		t.Fatalf("sign in to %s: %v", d.URL, errors.Join(err, conn.Close()))
	}
	return conn
}
