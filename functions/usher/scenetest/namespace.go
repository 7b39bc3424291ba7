package scenetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/servicebusfake"
)

// Namespace serves a Service Bus namespace over TLS until the test ends, with a
// certificate of the authority, and gives its connection string.
func Namespace(t *testing.T, fake *servicebusfake.Server, by *Authority) (connection string) {
	t.Helper()
	plain := listen(t)
	certificate, err := by.certificate(plain.Addr().String())
	require.NoError(t, err)
	serve(t, fake, tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	return fmt.Sprintf("Endpoint=sb://%s;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0", plain.Addr())
}

// DevelopmentNamespace is Namespace without TLS, as the developers' emulator of Microsoft is served.
func DevelopmentNamespace(t *testing.T, fake *servicebusfake.Server) (connection string) {
	t.Helper()
	l := listen(t)
	serve(t, fake, l)
	return fmt.Sprintf("Endpoint=sb://%s;SharedAccessKeyName=any;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true", l.Addr())
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func serve(t *testing.T, fake *servicebusfake.Server, l net.Listener) {
	served := make(chan error, 1)
	go func() { served <- fake.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, errors.Join(fake.Close(), <-served)) })
}

// Authority signs the certificates of namespaces.
type Authority struct {
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

// NewAuthority makes one for an hour.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := validNow()
	template.IsCA, template.BasicConstraintsValid = true, true
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(der)
	return &Authority{key, root}, err
}

// PEM is its certificate, to be trusted.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// certificate is one for an address: the client takes the port for a part of the name.
func (a *Authority) certificate(address string) (tls.Certificate, error) {
	template := validNow()
	template.DNSNames = []string{address}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, a.key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, err
}

func validNow() *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
}
