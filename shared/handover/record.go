package handover

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"regexp"
	"sync"
	"time"
)

// State is how a hand-over stands. It is computed from what happened, never set.
type State string

// The states. Only an open one reveals.
const (
	Open      State = "open"
	Revealed  State = "revealed"
	Expired   State = "expired"
	Withdrawn State = "withdrawn"
)

// Handover is one password on its way behind a link, without the link.
type Handover struct {
	// Key names the hand-over: the id of the request that it is for.
	Key string
	// Account is the user principal name, shown on the page.
	Account string
	// Ref is where the password lay in the vault when the link was made.
	Ref   string
	State State
	// MadeAt is when the last link was made, ExpiresAt when it stops working.
	MadeAt, ExpiresAt time.Time
	// RevealedAt is when the password was shown; zero when it was not.
	RevealedAt time.Time
}

// record is what the store keeps: nothing that opens anything.
type record struct {
	// Token is the SHA-256 of the link's token.
	Token []byte `json:"token"`
	// Ref is where the password lies in the vault.
	Ref         string    `json:"ref"`
	Account     string    `json:"account"`
	MadeAt      time.Time `json:"madeAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	RevealedAt  time.Time `json:"revealedAt,omitzero"`
	WithdrawnAt time.Time `json:"withdrawnAt,omitzero"`
	// AlarmedAt is when a visit after the reveal was told of.
	AlarmedAt time.Time `json:"alarmedAt,omitzero"`
}

func (r record) state(now time.Time) State {
	switch {
	case !r.RevealedAt.IsZero():
		return Revealed
	case !r.WithdrawnAt.IsZero():
		return Withdrawn
	case !now.Before(r.ExpiresAt):
		return Expired
	}
	return Open
}

// opens reports whether this is the link's token. The time it takes tells nothing.
func (r record) opens(token string) bool {
	digest := hash(token)
	return subtle.ConstantTimeCompare(digest, r.Token) == 1
}

func (r record) handover(key string, now time.Time) Handover {
	return Handover{
		Key: key, Account: r.Account, Ref: r.Ref, State: r.state(now),
		MadeAt: r.MadeAt, ExpiresAt: r.ExpiresAt, RevealedAt: r.RevealedAt,
	}
}

func hash(token string) []byte {
	digest := sha256.Sum256([]byte(token))
	return digest[:]
}

func decode(stored []byte) (r record, err error) {
	if err := json.Unmarshal(stored, &r); err != nil {
		return record{}, errors.New("it is damaged or not ours")
	}
	if len(r.Token) != sha256.Size || r.Ref == "" || r.ExpiresAt.IsZero() {
		return record{}, errors.New("it is incomplete")
	}
	return r, nil
}

// keys are what a request's id looks like, and nothing that means something in a path.
var keys = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`) })
