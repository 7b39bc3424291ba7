// Package webhook signs and verifies messages as the Standard Webhooks
// specification says (source: standardwebhooks.com, "Signature scheme"): HMAC-SHA256
// over id, timestamp and the raw body. The asymmetric scheme v1a is not offered and
// its signatures are passed over.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed message; their case does not matter.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// DefaultTolerance is how far the timestamp of a message may be from our clock.
const DefaultTolerance = 5 * time.Minute

const (
	scheme = "v1,"
	// maxID bounds the id, which becomes a key of the ledger.
	maxID = 256
	// maxSignatures bounds the work a forger can cause; a rotation needs two.
	maxSignatures = 16
)

// The reasons to refuse a message. ErrStale is a genuine signature with an old or
// future timestamp, which asks for another cure (clocks, late retries) than ErrForged.
var (
	ErrMissing = errors.New("webhook header missing or unusable")
	ErrForged  = errors.New("webhook signature does not match")
	ErrStale   = errors.New("webhook signature is genuine but its timestamp is out of range")
)

// Sign gives the three headers for a message. The id stays the same over retries of
// one message; at is the time of this attempt, in whole seconds.
func Sign(secret Secret, id string, at time.Time, body []byte) http.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, scheme+base64.StdEncoding.EncodeToString(mac(secret, id, timestamp, body)))
	return h
}

func mac(secret Secret, id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, secret.bytes())
	m.Write([]byte(id + "." + timestamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

// Delivery is a message whose signature is genuine and fresh.
type Delivery struct {
	// ID is the sender's, the same over its retries.
	ID string
	// Source is the name of the sender whose secret signed it.
	Source string
	// At is when the sender made this attempt.
	At time.Time
}

// Verifier checks messages from the configured sources.
type Verifier struct {
	names     []string
	secrets   map[string][]Secret
	tolerance time.Duration
	now       func() time.Time
}

// NewVerifier takes the secrets of each source, several while one is being rotated.
// A tolerance of zero means DefaultTolerance. No source, a source without a secret,
// and one secret shared by two sources (which could not be told apart) are refused.
func NewVerifier(sources map[string][]Secret, tolerance time.Duration, now func() time.Time) (*Verifier, error) {
	if len(sources) == 0 {
		return nil, errors.New("no webhook secret is configured; anybody could send requests")
	}
	if tolerance < 0 {
		return nil, fmt.Errorf("the webhook tolerance %v is negative", tolerance)
	}
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	v := &Verifier{names: slices.Sorted(maps.Keys(sources)), secrets: map[string][]Secret{}, tolerance: tolerance, now: now}
	for _, name := range v.names {
		if err := v.add(name, sources[name]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *Verifier) add(name string, secrets []Secret) error {
	if len(secrets) == 0 || slices.ContainsFunc(secrets, Secret.IsZero) {
		return fmt.Errorf("the webhook source %q has an empty secret; anybody could send requests", name)
	}
	for other, theirs := range v.secrets {
		for _, s := range secrets {
			if slices.ContainsFunc(theirs, s.equal) {
				return fmt.Errorf("the webhook sources %q and %q have the same secret; give each its own", other, name)
			}
		}
	}
	v.secrets[name] = slices.Clone(secrets)
	return nil
}

// Verify checks the headers and the raw body: the signature first, the timestamp
// second. The error is one of ErrMissing, ErrForged and ErrStale, possibly wrapped.
// A stale message still says who sent it, for the log.
func (v *Verifier) Verify(h http.Header, body []byte) (Delivery, error) {
	m, err := read(h)
	if err != nil {
		return Delivery{}, err
	}
	source, ok := v.signer(m, body)
	if !ok {
		return Delivery{}, ErrForged
	}
	d := Delivery{ID: m.id, Source: source, At: m.at}
	if off := v.now().Sub(m.at).Abs(); off > v.tolerance {
		return d, fmt.Errorf("%w: it is %v from our clock, %v are allowed", ErrStale, off.Round(time.Second), v.tolerance)
	}
	return d, nil
}

func (v *Verifier) signer(m message, body []byte) (string, bool) {
	for _, name := range v.names {
		for _, secret := range v.secrets[name] {
			want := mac(secret, m.id, m.timestamp, body)
			for _, got := range m.signatures {
				if hmac.Equal(want, got) {
					return name, true
				}
			}
		}
	}
	return "", false
}

// message is what the headers say, unproven.
type message struct {
	id, timestamp string
	at            time.Time
	signatures    [][]byte
}

func read(h http.Header) (m message, err error) {
	if m.id, err = single(h, HeaderID); err != nil {
		return m, err
	}
	if m.timestamp, err = single(h, HeaderTimestamp); err != nil {
		return m, err
	}
	if len(m.id) > maxID || strings.ContainsFunc(m.id, unprintable) {
		return m, fmt.Errorf("%w: %s must be at most %d printable ASCII characters", ErrMissing, HeaderID, maxID)
	}
	seconds, err := strconv.ParseUint(m.timestamp, 10, 40)
	if err != nil {
		return m, fmt.Errorf("%w: %s must be whole seconds since 1970", ErrMissing, HeaderTimestamp)
	}
	m.at = time.Unix(int64(seconds), 0).UTC()
	given := strings.Fields(strings.Join(values(h, HeaderSignature), " "))
	if len(given) == 0 || len(given) > maxSignatures {
		return m, fmt.Errorf("%w: %s must hold 1 to %d signatures", ErrMissing, HeaderSignature, maxSignatures)
	}
	m.signatures = decode(given)
	return m, nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// decode gives the signatures of our scheme; others may stand beside them.
func decode(given []string) (signatures [][]byte) {
	for _, text := range given {
		encoded, ours := strings.CutPrefix(text, scheme)
		if !ours {
			continue
		}
		if sum, err := base64.StdEncoding.Strict().DecodeString(encoded); err == nil {
			signatures = append(signatures, sum)
		}
	}
	return signatures
}

func single(h http.Header, name string) (string, error) {
	found := values(h, name)
	if len(found) != 1 || found[0] == "" {
		return "", fmt.Errorf("%w: %s must be given once", ErrMissing, name)
	}
	return found[0], nil
}

// values looks past the case of a header, for platforms hand over maps that
// net/http has not made canonical.
func values(h http.Header, name string) (found []string) {
	for key, vs := range h {
		if strings.EqualFold(key, name) {
			found = append(found, vs...)
		}
	}
	return found
}
