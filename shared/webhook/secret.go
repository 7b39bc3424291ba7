package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	secretPrefix = "whsec_"
	redacted     = "[redacted]"
	// minKey is the shortest key the specification allows.
	minKey = 24
	// newKey is the length of the keys NewSecret makes.
	newKey = 32
)

// Secret is a symmetric signing key. It prints as [redacted] in every encoding;
// the zero value is no secret and is refused wherever one is needed.
type Secret struct {
	// A pointer, because fmt calls no methods on unexported fields of a struct
	// around it, but prints a pointer there as an address.
	key *[]byte
}

// ParseSecret reads a secret as senders show it: "whsec_" and base64, or bare
// base64. An empty key and one of less than 24 bytes are refused, because anybody
// could sign with it. No error carries the text.
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), secretPrefix)
	if text == "" {
		return Secret{}, errors.New("the webhook secret is empty; " + howToMake)
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return Secret{}, errors.New("the webhook secret is not base64 (with or without whsec_ in front); " + howToMake)
	}
	if len(key) < minKey {
		return Secret{}, fmt.Errorf("the webhook secret has %d bytes, at least %d are needed; %s", len(key), minKey, howToMake)
	}
	return Secret{&key}, nil
}

const howToMake = `make one with: echo "whsec_$(openssl rand -base64 32)"`

// NewSecret makes a secret of 32 random bytes. A nil reader means crypto/rand.
func NewSecret(random io.Reader) (Secret, error) {
	if random == nil {
		random = rand.Reader
	}
	key := make([]byte, newKey)
	if _, err := io.ReadFull(random, key); err != nil {
		return Secret{}, fmt.Errorf("make a webhook secret: %w", err)
	}
	return Secret{&key}, nil
}

// Reveal gives the secret in the form ParseSecret reads. Call it only where it
// leaves for its destination.
func (s Secret) Reveal() string {
	return secretPrefix + base64.StdEncoding.EncodeToString(s.bytes())
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return len(s.bytes()) == 0 }

func (s Secret) bytes() []byte {
	if s.key == nil {
		return nil
	}
	return *s.key
}

func (s Secret) equal(other Secret) bool {
	a, b := sha256.Sum256(s.bytes()), sha256.Sum256(other.bytes())
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// String hides the key.
func (s Secret) String() string { return redacted }

// GoString hides the key from %#v.
func (s Secret) GoString() string { return redacted }

// Format hides the key from every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText hides the key from JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the key from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
