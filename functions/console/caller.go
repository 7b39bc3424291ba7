package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/policy"
)

// key opens /api. Its owner is nil where many share it.
type key struct {
	digest [sha256.Size]byte
	owner  *policy.Person
}

func keysOf(o Options) (keys []key) {
	add := func(token account.Secret, owner *policy.Person) {
		if !token.IsZero() {
			keys = append(keys, key{sha256.Sum256([]byte(token.Reveal())), owner})
		}
	}
	add(o.Token, nil)
	for _, b := range o.Bearers {
		add(b.Token, &b.Person)
	}
	return keys
}

// authorize finds the owner of the token. It compares digests, each with all keys, so that
// neither content nor length of the token nor whose it is shows in the time it takes.
func (c *console) authorize(r *http.Request) (owner *policy.Person, p *Problem) {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	digest, known := sha256.Sum256([]byte(given)), false
	for _, k := range c.keys {
		if subtle.ConstantTimeCompare(digest[:], k.digest[:]) == 1 {
			owner, known = k.owner, true
		}
	}
	if ok && known {
		return owner, nil
	}
	return nil, problem(http.StatusUnauthorized, CodeUnauthorized, "the bearer token is missing or wrong",
		"send 'Authorization: Bearer TOKEN' with the token of USHER_API_TOKEN or of server.json in the data directory, or as an approver with your own")
}

// forApprovers is what an approver's own token is good for: to see what is asked, and to agree.
var forApprovers = map[string]bool{
	"GET /api/requests": true, "GET /api/requests/{id}": true, "POST /api/requests/{id}/approve": true,
}

func notForApprovers(owner policy.Person, r *http.Request) *Problem {
	return forbidden(fmt.Sprintf("the token of %s, an approver, reads requests and approves them; it is not for %s %s", owner.ID, r.Method, r.URL.Path),
		"whoever runs Usher orders this, with the token of USHER_API_TOKEN or of server.json in the data directory")
}

type ownerKey struct{}

func ownedBy(r *http.Request, owner *policy.Person) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), ownerKey{}, owner))
}

// signatory says as whom somebody approves who calls themselves by, and what proves it.
func (c *console) signatory(r *http.Request, by string) (string, account.Proof, error) {
	owner, _ := r.Context().Value(ownerKey{}).(*policy.Person)
	switch {
	case owner != nil && by != "" && !owner.Is(by):
		return "", "", forbidden(fmt.Sprintf("the token is that of %s, who cannot approve as %q", owner.ID, by), `leave "by" out: the token says who approves`)
	case owner != nil:
		return owner.ID, account.ProofToken, nil
	case by == "":
		return "", "", badRequest(`an approval needs a name in "by", or an approver's own token`)
	}
	for _, b := range c.Bearers {
		if b.Is(by) {
			return "", "", forbidden(b.ID+" has a token of their own, so the shared one cannot approve in their name",
				"they approve with that token: 'Authorization: Bearer TOKEN', or USHER_PERSONAL_TOKEN for 'usher approve'")
		}
	}
	return by, account.ProofClaim, nil
}
