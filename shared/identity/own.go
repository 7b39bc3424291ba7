package identity

import (
	"crypto"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/account"
)

// own is what is known about our own credential: whose it is, and when it ends.
type own struct {
	clientID string
	// ends is when the certificate does; zero for another method.
	ends time.Time
	// secret is zero for another method.
	secret account.Secret
}

// own looks at what the method signs in with.
func (c chooser) own(m Method) own {
	o := own{clientID: c.clientID()}
	switch m {
	case Certificate:
		o.ends = c.certificateEnds()
	case ClientSecret:
		o.secret = account.NewSecret(c.get(varSecret))
	}
	return o
}

// certificateEnds is when the certificate of the key stops being valid: the file may hold
// its issuers, too. Zero when it cannot be read, which the credential tells.
func (c chooser) certificateEnds() time.Time {
	text, err := os.ReadFile(c.get(varCert))
	if err != nil {
		return time.Time{}
	}
	certs, key, err := azidentity.ParseCertificates(text, []byte(c.get(varCertPass)))
	signer, signs := key.(crypto.Signer)
	if err != nil || !signs {
		return time.Time{}
	}
	for _, cert := range certs {
		if public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && public.Equal(signer.Public()) {
			return cert.NotAfter
		}
	}
	return time.Time{}
}

// ClientID is the application that the source signs in as; empty for a managed identity
// as itself.
func (s *Source) ClientID() string { return s.own.clientID }

// CertificateEnds is when the certificate that signs in stops being valid; zero for
// another method.
func (s *Source) CertificateEnds() time.Time { return s.own.ends }

// HasSecret reports whether a client secret signs in.
func (s *Source) HasSecret() bool { return !s.own.secret.IsZero() }

// IsSecret reports whether our client secret begins like this, which tells it from the
// application's others. An empty beginning may be anyone's.
func (s *Source) IsSecret(beginning string) bool {
	return s.HasSecret() && strings.HasPrefix(s.own.secret.Reveal(), beginning)
}
