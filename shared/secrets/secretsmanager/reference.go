package secretsmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Reference names a secret, or one field of a secret that is a JSON object, as those
// that Amazon RDS makes are.
type Reference struct {
	// ID is the name or the ARN.
	ID string
	// Region is the ARN's; empty for a name, which means the region of the environment.
	Region string
	// Field is empty for the whole text.
	Field string
}

var (
	// nameForm has the ! of the secrets that services make, such as rds!….
	nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`) })
	// arnForm has the partition, the region, the account and the name (source: AWS
	// Secrets Manager, "Resource types").
	arnForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}$`)
	})
)

// ParseReference reads aws-secretsmanager:NAME or aws-secretsmanager:ARN, each with
// #FIELD where one field is meant. The error is permanent.
func ParseReference(ref string) (Reference, error) {
	rest, ours := strings.CutPrefix(ref, Scheme)
	id, field, split := strings.Cut(rest, "#")
	arn := arnForm().FindStringSubmatch(id)
	r := Reference{ID: id, Field: field}
	switch {
	case !ours || split && field == "" || arn == nil && !nameForm().MatchString(id):
		return Reference{}, sealed.Refused("%q is not aws-secretsmanager:NAME or aws-secretsmanager:ARN, with #FIELD for one field of a JSON secret", ref)
	case arn != nil:
		r.Region = arn[1]
	}
	return r, nil
}

// Resolver fetches the secrets that references name.
type Resolver struct{ clients *clients }

// NewResolver makes a resolver. It calls nobody.
func NewResolver(o Options) *Resolver { return &Resolver{newClients(o)} }

// Resolve fetches the current text of the secret that a reference names; see
// ParseReference. Errors are fault.SecretUnavailable and never hold the secret.
func (r *Resolver) Resolve(ctx context.Context, ref string) (account.Secret, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return account.Secret{}, err
	}
	s, err := r.clients.get(ctx, parsed.Region, parsed.ID)
	if err != nil || parsed.Field == "" {
		return s, err
	}
	return fieldOf(s, parsed)
}

// fieldOf takes a text or a number out of a JSON object.
func fieldOf(s account.Secret, r Reference) (account.Secret, error) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(s.Reveal())))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil || decoder.More() {
		// The cause is left out: it could quote the secret.
		return account.Secret{}, sealed.Refused("the secret %s is not a JSON object, so it has no field %q", r.ID, r.Field)
	}
	var text string
	switch value := fields[r.Field].(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	}
	if text == "" {
		return account.Secret{}, sealed.Refused("the secret %s has no text in a field %q", r.ID, r.Field)
	}
	return account.NewSecret(text), nil
}
