package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/account"
)

// Subject is what an approver agrees to: the request as it came and what Usher would
// make of it. When any of it changes, the approval no longer counts.
type Subject struct {
	RequestID string           `json:"requestId"`
	Tenant    account.TenantID `json:"tenant"`
	// Account is the user principal name; empty for a request without an account.
	Account string `json:"account,omitempty"`
	// Rights are all that would be given, in any order.
	Rights []Right `json:"rights,omitempty"`
	// Ends is when the account would expire; zero for no end.
	Ends time.Time `json:"ends,omitzero"`
	// Needs are those of the decision.
	Needs Needs `json:"needs"`
	// Document is the request as it was taken, but for the approval it may claim.
	Document json.RawMessage `json:"document,omitempty"`
	// Parked says why a step parked a request that was under way; empty otherwise.
	Parked string `json:"parked,omitempty"`
}

// Digest gives the SHA-256 of the subject's canonical JSON as "sha256:" and hexadecimal
// digits. The order of the rights and the zone of Ends make no difference.
func (s Subject) Digest() (string, error) {
	s.Rights = slices.Clone(s.Rights)
	slices.SortFunc(s.Rights, func(a, b Right) int {
		return strings.Compare(string(a.Kind)+"\x00"+a.ID+"\x00"+a.Name, string(b.Kind)+"\x00"+b.ID+"\x00"+b.Name)
	})
	s.Ends = s.Ends.UTC()
	text, err := Canonical(s)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Canonical writes a value as JSON in the one form that depends on nothing but its
// content: the members of every object sorted by name, no white space, and otherwise
// as encoding/json writes it. Adding an optional field to a type, or moving one, does not
// change the form of a value that leaves it out.
func Canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write as JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // large numbers keep their digits
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, fmt.Errorf("read back as JSON: %w", err)
	}
	return json.Marshal(plain)
}
