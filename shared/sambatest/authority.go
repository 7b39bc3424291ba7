package sambatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is the certificate authority of one test binary, with the certificate that
// it gave its controller.
type authority struct {
	roots                *x509.CertPool
	ca, certificate, key []byte // PEM
}

func newAuthority(host string) (*authority, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := template(1, "Test authority")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	leaf := template(2, "dc1.corp.example")
	leaf.DNSNames, leaf.IPAddresses = []string{"dc1.corp.example"}, []net.IP{net.ParseIP(host)}
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	caDER, errCA := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	leafDER, errLeaf := x509.CreateCertificate(rand.Reader, leaf, ca, own.Public(), caKey)
	keyDER, errKey := x509.MarshalPKCS8PrivateKey(own)
	a := &authority{
		roots: x509.NewCertPool(), ca: block("CERTIFICATE", caDER),
		certificate: block("CERTIFICATE", leafDER), key: block("PRIVATE KEY", keyDER),
	}
	a.roots.AppendCertsFromPEM(a.ca)
	return a, errors.Join(errCA, errLeaf, errKey)
}

func template(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// write puts the files where the configuration names them; Samba wants the key to be
// readable by its owner only.
func (a *authority) write(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "ca.pem"), a.ca, 0o600),
		os.WriteFile(filepath.Join(dir, "server.pem"), a.certificate, 0o600),
		os.WriteFile(filepath.Join(dir, "server.key"), a.key, 0o600),
	)
}
