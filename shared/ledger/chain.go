package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Chain sets an entry's sequence number and hashes so that it follows prev. A zero
// prev begins the chain. Times are cut to microseconds in UTC, which every engine stores exactly.
func Chain(prev, e Entry) (Entry, error) {
	e.Seq = prev.Seq + 1
	e.Prev = prev.Hash
	e.At = e.At.UTC().Truncate(time.Microsecond)
	hash, err := hashOf(e)
	if err != nil {
		return Entry{}, err
	}
	e.Hash = hash
	return e, nil
}

// BrokenChain says where an audit chain stops being true.
type BrokenChain struct {
	Seq  int64
	What string
}

// Error names the first bad line.
func (b *BrokenChain) Error() string {
	return fmt.Sprintf("audit chain is broken at entry %d: %s", b.Seq, b.What)
}

// Link checks that e follows prev and that nobody changed it. It returns a *BrokenChain.
func Link(prev, e Entry) error {
	switch hash, err := hashOf(e); {
	case e.Seq != prev.Seq+1:
		return &BrokenChain{e.Seq, fmt.Sprintf("entry %d is missing", prev.Seq+1)}
	case e.Prev != prev.Hash:
		return &BrokenChain{e.Seq, "it does not follow the entry before it"}
	case err != nil:
		return &BrokenChain{e.Seq, err.Error()}
	case hash != e.Hash:
		return &BrokenChain{e.Seq, "its content was changed"}
	}
	return nil
}

func hashOf(e Entry) (string, error) {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("hash audit entry %d: %w", e.Seq, err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
