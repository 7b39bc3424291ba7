package secretsmanager

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Vault keeps each password as a secret PREFIX/TENANT/ACCOUNT. It is safe for
// concurrent use by any number of processes.
//
// SealOnce rests on CreateSecret, which only one of many callers brings about; the
// others get what that one created.
type Vault struct {
	clients *clients
	prefix  string
}

// prefixForm keeps to the characters of a secret's name (source: CreateSecret, Name).
var prefixForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*$`) })

// maxPrefix keeps a name, with a key of 257 characters, under the service's limit of 512.
const maxPrefix = 200

// Open makes a vault whose secrets' names begin with prefix and a slash. It calls
// nobody. The error is permanent.
func Open(ctx context.Context, prefix string, o Options) (*Vault, error) {
	if !prefixForm().MatchString(prefix) || len(prefix) > maxPrefix {
		return nil, sealed.Refused("%q is no beginning for names of secrets; use at most %d letters, digits and _+=.@-, with / between words", prefix, maxPrefix)
	}
	v := &Vault{newClients(o), prefix + "/"}
	if _, err := v.clients.in(ctx, ""); err != nil {
		return nil, err
	}
	return v, nil
}

// SealOnce gives what is sealed under key, "<tenant>/<account>". When there is nothing
// yet it calls create, seals the answer, and only then gives it out. Of many that do so
// at once each may call create, and all get the one password that was sealed. A secret
// that a person deleted with a recovery window is an error until that person restores
// it or deletes it for good. Errors are fault.SecretUnavailable, or what create gave.
func (v *Vault) SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error) {
	name, err := v.name(key)
	if err != nil {
		return "", account.Secret{}, err
	}
	s, err = v.clients.get(ctx, "", name)
	if codeOf(err) == codeAbsent {
		s, err = v.seal(ctx, name, create)
	}
	if err != nil {
		return "", account.Secret{}, err
	}
	return Scheme + name, s, nil
}

// seal makes the secret, or gives what another made in the meantime.
func (v *Vault) seal(ctx context.Context, name string, create func() (account.Secret, error)) (account.Secret, error) {
	s, err := create()
	if err != nil {
		return account.Secret{}, err
	}
	err = v.create(ctx, name, s)
	if codeOf(err) != codeExists {
		return s, err
	}
	s, err = v.clients.get(ctx, "", name)
	if codeOf(err) == codeAbsent {
		return s, sealed.Unavailable("the secret %s exists but does not show yet", name)
	}
	return s, err
}

// Replace seals a new password under key, whatever lies there.
func (v *Vault) Replace(ctx context.Context, key string, s account.Secret) (ref string, err error) {
	name, err := v.name(key)
	if err != nil {
		return "", err
	}
	if s.IsZero() {
		return "", sealed.Refused("%w", sealed.ErrEmpty)
	}
	err = v.clients.do(ctx, "", "PutSecretValue", name, func(ctx context.Context, c *secretsmanager.Client) error {
		_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String(s.Reveal())})
		return err
	})
	if codeOf(err) == codeAbsent {
		err = v.create(ctx, name, s)
	}
	if err != nil {
		return "", err
	}
	return Scheme + name, nil
}

// create makes the secret. The SDK gives each call a ClientRequestToken, so that a
// retry of its own is no second secret.
func (v *Vault) create(ctx context.Context, name string, s account.Secret) error {
	if s.IsZero() {
		return sealed.Refused("%w", sealed.ErrEmpty)
	}
	return v.clients.do(ctx, "", "CreateSecret", name, func(ctx context.Context, c *secretsmanager.Client) error {
		_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: &name, SecretString: aws.String(s.Reveal()), Description: aws.String(sealed.Description),
		})
		return err
	})
}

// Open gives what is sealed under a reference; sealed.ErrNotSealed when nothing is, or
// when it is marked for deletion.
func (v *Vault) Open(ctx context.Context, ref string) (account.Secret, error) {
	name, err := v.nameOf(ref)
	if err != nil {
		return account.Secret{}, err
	}
	s, err := v.clients.get(ctx, "", name)
	if code := codeOf(err); code == codeAbsent || code == codeState {
		return account.Secret{}, sealed.Unavailable("%s: %w", ref, sealed.ErrNotSealed)
	}
	return s, err
}

// Discard deletes what is sealed under a reference without a recovery window: a
// password thrown away is of no use to anybody, and its name is free again within
// moments. Nothing there is success.
func (v *Vault) Discard(ctx context.Context, ref string) error {
	name, err := v.nameOf(ref)
	if err != nil {
		return err
	}
	return v.clients.do(ctx, "", "DeleteSecret", name, func(ctx context.Context, c *secretsmanager.Client) error {
		_, err := c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		return err
	})
}

// likeARN is the end of a name that looks like the end of an ARN, which the service
// advises against (source: CreateSecret, Name). No key has a "=".
var likeARN = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`-[A-Za-z0-9]{6}$`) })

func (v *Vault) name(key string) (string, error) {
	if _, _, err := sealed.Split(key); err != nil {
		return "", err
	}
	if likeARN().MatchString(key) {
		key += "="
	}
	return v.prefix + key, nil
}

// nameOf takes references of this vault only.
func (v *Vault) nameOf(ref string) (string, error) {
	key, ours := strings.CutPrefix(ref, Scheme+v.prefix)
	if !ours {
		return "", sealed.Refused("%q is not a reference of this vault, which begin with %s%s", ref, Scheme, v.prefix)
	}
	return v.name(strings.TrimSuffix(key, "="))
}
