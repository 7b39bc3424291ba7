package keyvault

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Vault keeps each password as a secret of a Key Vault. It is safe for concurrent use
// by any number of processes.
//
// Key Vault has no conditional create: whoever sets a secret adds a version, and the
// last one counts. So here the first enabled version counts, in the order of the
// service's own clock. Of many that seal at once each adds its version, waits until no
// earlier one can appear, takes the first, and disables its own if that is another. A
// process that dies in between leaves a version that is either the first, and then found
// by the next, or never used. Replace disables what precedes its version, Discard
// disables all.
//
// This holds as long as the clocks of the service's machines differ by less than a
// second and a list shows what was set a second before. Beyond that two that seal at
// once could get different passwords; the lease that keeps an account's steps apart
// stands before that.
type Vault struct {
	client *azsecrets.Client
	url    string
	sleep  func(context.Context, time.Duration) error
}

// Open makes a vault at an address such as https://NAME.vault.azure.net. It calls
// nobody. The error is permanent.
func Open(address string, o Options) (*Vault, error) {
	at, err := vaultURL(address)
	if err != nil {
		return nil, err
	}
	client, err := clientOf(at, o)
	if err != nil {
		return nil, err
	}
	if o.Sleep == nil {
		o.Sleep = pause
	}
	return &Vault{client, at, o.Sleep}, nil
}

// SealOnce gives what is sealed under key, "<tenant>/<account>". When there is nothing
// yet it calls create, seals the answer, and gives it out two to three seconds later.
// Of many that do so at once each may call create, and all get the one password that
// counts, see Vault. A key whose password was discarded takes some tries, and one that a
// person deleted is an error until that person recovers or purges it. Errors are
// fault.SecretUnavailable, or what create gave.
func (v *Vault) SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error) {
	name, err := nameFor(key)
	if err != nil {
		return "", account.Secret{}, err
	}
	found, err := v.settled(ctx, name, version{})
	switch {
	case err != nil:
	case len(found) > 0:
		s, err = v.value(ctx, name, found[0].id)
	default:
		s, err = v.seal(ctx, name, create)
	}
	if err != nil {
		return "", account.Secret{}, err
	}
	return v.refTo(name), s, nil
}

// seal adds a version, and gives the one that counts.
func (v *Vault) seal(ctx context.Context, name string, create func() (account.Secret, error)) (account.Secret, error) {
	s, err := create()
	if err != nil {
		return account.Secret{}, err
	}
	ours, err := v.set(ctx, name, s)
	if err != nil {
		return account.Secret{}, err
	}
	found, err := v.settled(ctx, name, ours)
	if err != nil || found[0].id == ours.id {
		return s, err
	}
	// Nobody got ours. It is disabled so that no person takes it for the password.
	if err := v.disable(ctx, name, ours.id); err != nil {
		return account.Secret{}, err
	}
	return v.value(ctx, name, found[0].id)
}

// Replace seals a new password under key, whatever lies there. It counts once Replace
// has returned; of several at once the last one counts.
func (v *Vault) Replace(ctx context.Context, key string, s account.Secret) (ref string, err error) {
	name, err := nameFor(key)
	if err != nil {
		return "", err
	}
	ours, err := v.set(ctx, name, s)
	if err != nil {
		return "", err
	}
	found, err := v.settled(ctx, name, ours)
	if err != nil {
		return "", err
	}
	for _, earlier := range found[:position(found, ours)] {
		if err := v.disable(ctx, name, earlier.id); err != nil {
			return "", err
		}
	}
	return v.refTo(name), nil
}

// Open gives what is sealed under a reference; sealed.ErrNotSealed when nothing is.
func (v *Vault) Open(ctx context.Context, ref string) (account.Secret, error) {
	name, err := v.nameOf(ref)
	if err != nil {
		return account.Secret{}, err
	}
	found, _, err := v.versions(ctx, name)
	if err != nil {
		return account.Secret{}, err
	}
	if len(found) == 0 {
		return account.Secret{}, sealed.Unavailable("%s: %w", ref, sealed.ErrNotSealed)
	}
	return v.value(ctx, name, found[0].id)
}

// Discard disables every version under a reference and deletes the secret, which the
// vault then keeps for its retention time. Nothing there is success.
func (v *Vault) Discard(ctx context.Context, ref string) error {
	name, err := v.nameOf(ref)
	if err != nil {
		return err
	}
	found, _, err := v.versions(ctx, name)
	if err != nil {
		return err
	}
	// The one that counts goes last, lest one that was never used take its place.
	for _, one := range slices.Backward(found) {
		if err := v.disable(ctx, name, one.id); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = v.client.DeleteSecret(limited, name, nil)
	if err = classify(ctx, "delete", name, err); statusOf(err) == http.StatusNotFound || innerOf(err) == innerDeleting {
		return nil
	}
	return err
}

const (
	namePrefix = "usher-"
	// maxReadable and the digest of 52 characters keep a name under the limit of 127.
	maxReadable = 64
)

var (
	digest   = base32.StdEncoding.WithPadding(base32.NoPadding)
	notPlain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^a-z0-9]+`) })
	ourName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + namePrefix + `[a-z0-9-]+-[a-z2-7]{52}$`) })
)

// nameFor makes the name of a key's secret: what a person can read of the key, and the
// digest that no other key has. Names have letters, digits and dashes, at most 127, and
// their case means nothing (source: "Azure Key Vault keys, secrets and certificates
// overview", object identifiers).
func nameFor(key string) (string, error) {
	if _, _, err := sealed.Split(key); err != nil {
		return "", err
	}
	readable := notPlain().ReplaceAllString(strings.ToLower(key), "-")
	sum := sha256.Sum256([]byte(key))
	return namePrefix + readable[:min(len(readable), maxReadable)] + "-" + strings.ToLower(digest.EncodeToString(sum[:])), nil
}

func (v *Vault) refTo(name string) string { return Scheme + v.url + "/secrets/" + name }

// nameOf takes references of this vault only.
func (v *Vault) nameOf(ref string) (string, error) {
	name, ours := strings.CutPrefix(ref, Scheme+v.url+"/secrets/")
	if !ours || !ourName().MatchString(name) {
		return "", sealed.Refused("%q is not a reference of the vault %s", ref, v.url)
	}
	return name, nil
}
