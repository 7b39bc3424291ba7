package simulation

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// dice decide everything in a world. A throw depends on the seed and on what it is
// thrown for, never on who throws first, so that a failing seed replays though the
// goroutines of a second run take turns differently.
type dice struct {
	seed uint64
	mu   sync.Mutex
	seen map[string]int
}

func newDice(seed uint64) *dice { return &dice{seed: seed, seen: map[string]int{}} }

// float gives a number in [0,1) for a purpose; the nth throw for one purpose is its own.
func (d *dice) float(purpose ...any) float64 {
	key := fmt.Sprintln(purpose...)
	d.mu.Lock()
	d.seen[key]++
	n := d.seen[key]
	d.mu.Unlock()
	sum := sha256.Sum256([]byte(fmt.Sprintln(d.seed, n, key)))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

func (d *dice) chance(odds float64, purpose ...any) bool { return d.float(purpose...) < odds }

func (d *dice) upTo(n int, purpose ...any) int { return int(d.float(purpose...) * float64(n)) }

func (d *dice) within(t time.Duration, purpose ...any) time.Duration {
	return time.Duration(d.float(purpose...) * float64(t))
}

// id gives a random name.
func (d *dice) id(purpose ...any) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(d.float(append(purpose, "id")...)*(1<<53)))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[1:])
}

// reader gives seeded bytes to one of the parts.
func (d *dice) reader(part byte) io.Reader {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], d.seed)
	key[31] = part
	return &locked{source: rand.NewChaCha8(key)}
}

// locked lets many goroutines read.
type locked struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (l *locked) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.source.Read(p)
}
