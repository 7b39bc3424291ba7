package tenantfake

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"
)

// Listener is a running TLS listener of a Server.
type Listener struct {
	// URL is https://127.0.0.1:port, without a slash at the end.
	URL string
	// CACertPEM is the certificate of the authority that signed the listener's; write it to the file that SSL_CERT_FILE names.
	CACertPEM []byte

	pool *x509.CertPool
	srv  *http.Server
	done chan error
}

// Start listens on addr (empty means 127.0.0.1 and a free port) with a certificate for 127.0.0.1, ::1 and localhost, issued by an authority
// made for this listener. Connections are HTTP/1.1, so that a dropped one is dropped for one request.
func (s *Server) Start(addr string) (*Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	caPEM, leaf, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("tenant emulator: %w", err)
	}
	l := &Listener{URL: "https://" + ln.Addr().String(), CACertPEM: caPEM, pool: x509.NewCertPool(), done: make(chan error, 1)}
	l.pool.AppendCertsFromPEM(caPEM)
	l.srv = &http.Server{
		Handler: s, TLSConfig: &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS12},
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { l.done <- l.srv.ServeTLS(ln, "", "") }()
	return l, nil
}

// Client returns an HTTP client that trusts the listener, with a connection pool of its own.
func (l *Listener) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.pool, MinVersion: tls.VersionTLS12}}}
}

// Close stops listening, waits up to a second for requests in progress, and closes every connection.
func (l *Listener) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := l.srv.Shutdown(ctx)
	if err != nil {
		err = l.srv.Close()
	}
	if served := <-l.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// selfSigned makes an authority and a certificate of it for the loopback addresses. Both are of real randomness and time, whatever the
// server's options: the client's TLS library checks them.
func selfSigned() (caPEM []byte, leaf tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	now := time.Now()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tenantfake CA"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, leaf, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "tenantfake"}, NotBefore: ca.NotBefore,
		NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, leaf, err
	}
	caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return caPEM, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
