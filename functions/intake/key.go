package intake

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"github.com/usher365/usher/events"
)

// businessKey is what two triggers for one ticket have in common: system, account,
// ticket, action, revision and rerun. It holds nothing random and no time, so that
// a retry gives the same key. Empty without a ticket.
func businessKey(req events.Request) string {
	t := req.Ticket
	if t.System == "" || t.ID == "" {
		return ""
	}
	parts := []string{t.System, t.Account, t.ID, req.Action, t.Revision, strconv.Itoa(req.Rerun)}
	for i := range parts {
		parts[i] = escapeBar.Replace(parts[i])
	}
	return strings.Join(parts, "|")
}

// escapeBar keeps a ticket from counterfeiting another ticket's key.
var escapeBar = strings.NewReplacer("|", "%7C", "%", "%25")

// requestID is the sender's id, or one that follows from the business key.
func (o order) requestID() string {
	if o.req.RequestID != "" {
		return o.req.RequestID
	}
	return derivedID(o.keys.Business)
}

func derivedID(key string) string { return "req-" + digest(key) }

// digest is the beginning of a SHA-256 in 12 characters of base 32: 60 bits.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:12])
}
