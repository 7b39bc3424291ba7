package handover

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/address"
	"github.com/usher365/usher/shared/fault"
)

// Store keeps one small value for each name: the notes of the ledger.
type Store interface {
	// Note gives the value kept under a name, nil when there is none.
	Note(ctx context.Context, name string) ([]byte, error)
	// SwapNote puts a value in the place of the old one and reports true, or changes nothing
	// and reports false when something else than old lies there by now. A nil old stands
	// for nothing there. It is atomic for all who use the store.
	SwapNote(ctx context.Context, name string, old, value []byte) (bool, error)
}

// Vault opens what lies under a reference.
type Vault interface {
	Open(ctx context.Context, ref string) (account.Secret, error)
}

// Reason says why an alarm is raised.
type Reason string

const (
	// VisitedAgain is a visit to a link whose password was shown already: whoever comes
	// second may be the one it was meant for.
	VisitedAgain Reason = "visited-again"
	// NotDelivered is a password that was taken out, but whose page could not be sent
	// whole. Nobody knows whether it was seen.
	NotDelivered Reason = "not-delivered"
)

// Alarm is something about a hand-over that a person should look at, and after which
// the password should be made anew.
type Alarm struct {
	Handover
	Reason Reason
	At     time.Time
	// Pressed is true when the page's button was pressed, false when the page was only
	// opened, as a link scanner does too. A press within seconds of RevealedAt may be a
	// second press of the same person, who then has not seen the password either.
	Pressed bool
}

const (
	// defaultLife is how long a link works when nothing else is said.
	defaultLife = 24 * time.Hour
	// maxLife is the longest life of a link.
	maxLife = 7 * 24 * time.Hour
	// storePrefix begins the names of our values in the store.
	storePrefix = "handover/"
	// tokenBytes of randomness make a token that nobody guesses.
	tokenBytes = 32
)

// Options of Links. Store, Address and Now are required, Vault and Alarm for the Handler.
type Options struct {
	Store Store
	Vault Vault
	// Address is where people reach the page, such as https://usher.example.com/handover.
	// It must be https, but for a loopback host.
	Address string
	Now     func() time.Time
	// Alarm is called at least once for a hand-over that needs a look. After an error it
	// is called again at the next visit.
	Alarm func(context.Context, Alarm) error
	// Revealed is called after a password was shown, for the audit log and for throwing
	// the vault's copy away. It is not called when the process stops in between, so Look
	// has the last word. Nil does nothing.
	Revealed func(context.Context, Handover) error
	// Life is how long a link works. Zero means 24 hours; more than 7 days is refused.
	Life time.Duration
	// Random makes tokens. Nil means crypto/rand.
	Random io.Reader
	// Log takes what goes wrong while a page is answered. Nil means slog.Default.
	Log *slog.Logger
}

// Links makes one-time links and answers them. It is safe for concurrent use.
type Links struct {
	o    Options
	path string
}

// NewLinks checks the options, and names everything that is wrong at once.
func NewLinks(o Options) (*Links, error) {
	var problems []error
	u, err := address.Secure(o.Address)
	if err != nil {
		problems = append(problems, fmt.Errorf("one-time links: %q %w (a password travels there)", o.Address, err))
	}
	if o.Store == nil || o.Now == nil {
		problems = append(problems, errors.New("one-time links: a store and a clock are needed"))
	}
	if o.Life < 0 || o.Life > maxLife {
		problems = append(problems, fmt.Errorf("one-time links: a life of %s; give at most %s", o.Life, maxLife))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	o.Address = strings.TrimRight(o.Address, "/")
	if o.Life == 0 {
		o.Life = defaultLife
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Links{o: o, path: strings.TrimRight(u.Path, "/")}, nil
}

// Link is a fresh one-time link. Whoever has Address can take the password.
type Link struct {
	Handover
	// Address is for the ticket or mail, and nowhere else; it is not kept.
	Address account.Secret
}

// Make wraps these when a hand-over is over for good.
var (
	ErrRevealed  = errors.New("this password was shown already; make a new one, and hand that over under a key of its own")
	ErrWithdrawn = errors.New("this hand-over was withdrawn; begin another under a key of its own")
)

// Make makes the link of a hand-over. A link made before under the same key stops
// working, so a step that is repeated leaves one that works. ErrRevealed and ErrWithdrawn
// (permanent) say that there will be no other: nothing is handed over twice. The password
// is not looked at.
func (l *Links) Make(ctx context.Context, key, ref, userPrincipalName string) (Link, error) {
	if !keys().MatchString(key) || ref == "" || userPrincipalName == "" {
		return Link{}, fault.Stopf(fault.MalformedCommand, "make a one-time link: key %q, reference %q or account %q is missing or malformed", key, ref, userPrincipalName)
	}
	random := make([]byte, tokenBytes)
	if _, err := io.ReadFull(l.o.Random, random); err != nil {
		return Link{}, fmt.Errorf("make a one-time link: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(random)
	now := l.o.Now().UTC()
	fresh := record{Token: hash(token), Ref: ref, Account: userPrincipalName, MadeAt: now, ExpiresAt: now.Add(l.o.Life)}
	_, err := l.change(ctx, key, func(r record, known bool) (record, error) {
		switch state := r.state(now); {
		case known && state == Revealed:
			return record{}, fault.Stop(fault.HandoverOver, ErrRevealed)
		case known && state == Withdrawn:
			return record{}, fault.Stop(fault.HandoverOver, ErrWithdrawn)
		}
		return fresh, nil
	})
	if err != nil {
		return Link{}, fmt.Errorf("make the one-time link of %s: %w", key, err)
	}
	return Link{Handover: fresh.handover(key, now), Address: account.NewSecret(l.o.Address + "/" + key + "/" + token)}, nil
}

// Look tells how a hand-over stands; false when none was made under the key.
func (l *Links) Look(ctx context.Context, key string) (Handover, bool, error) {
	r, stored, err := l.load(ctx, key)
	if err != nil || stored == nil {
		return Handover{}, false, err
	}
	return r.handover(key, l.o.Now()), true, nil
}

// Withdraw stops an open link, because the account goes or its password changes. It
// gives how the hand-over stands after that: what was revealed stays revealed. A
// hand-over that was never made is no error, and gives the zero value.
func (l *Links) Withdraw(ctx context.Context, key string) (Handover, error) {
	now := l.o.Now().UTC()
	r, err := l.change(ctx, key, func(r record, known bool) (record, error) {
		if !known || r.state(now) != Open {
			return record{}, errNoChange
		}
		r.WithdrawnAt = now
		return r, nil
	})
	if err != nil {
		return Handover{}, fmt.Errorf("withdraw the one-time link of %s: %w", key, err)
	}
	if r.Ref == "" {
		return Handover{}, nil
	}
	return r.handover(key, now), nil
}

// errNoChange is what an edit gives when the record is right as it is.
var errNoChange = errors.New("nothing to change")

// swaps bounds how often a change begins anew because somebody else was faster.
const swaps = 10

// change edits the record of a key atomically, and gives it as it is then.
func (l *Links) change(ctx context.Context, key string, edit func(r record, known bool) (record, error)) (record, error) {
	for range swaps {
		r, stored, err := l.load(ctx, key)
		if err != nil {
			return record{}, err
		}
		edited, err := edit(r, stored != nil)
		if errors.Is(err, errNoChange) {
			return r, nil
		}
		if err != nil {
			return record{}, err
		}
		if done, err := l.swap(ctx, key, stored, edited); err != nil || done {
			return edited, err
		}
	}
	return record{}, fault.Retry(fault.LedgerUnavailable, 0, errors.New("others change it all the time"))
}

func (l *Links) load(ctx context.Context, key string) (r record, stored []byte, err error) {
	stored, err = l.o.Store.Note(ctx, storePrefix+key)
	if err != nil || len(stored) == 0 {
		return record{}, nil, err
	}
	if r, err = decode(stored); err != nil {
		return record{}, nil, fault.Stopf(fault.LedgerUnavailable, "the record of hand-over %s: %w", key, err)
	}
	return r, bytes.Clone(stored), nil
}

func (l *Links) swap(ctx context.Context, key string, old []byte, r record) (bool, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return false, fmt.Errorf("write the record of hand-over %s: %w", key, err)
	}
	return l.o.Store.SwapNote(ctx, storePrefix+key, old, value)
}
