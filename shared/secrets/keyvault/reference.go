package keyvault

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Reference names a secret of a Key Vault.
type Reference struct {
	// Vault is the address, https://HOST.
	Vault string
	Name  string
	// Version is empty for the current one.
	Version string
}

// idForm is a secret's identifier (source: "Azure Key Vault keys, secrets and
// certificates overview", object identifiers).
var idForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(https://[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?)/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]{1,32}))?$`)
})

// ParseReference reads azure-keyvault:https://VAULT.vault.azure.net/secrets/NAME, with
// /VERSION where one version is meant. The error is permanent.
func ParseReference(ref string) (Reference, error) {
	id, ours := strings.CutPrefix(ref, Scheme)
	parts := idForm().FindStringSubmatch(id)
	if !ours || parts == nil {
		return Reference{}, sealed.Refused("%q is not azure-keyvault:https://VAULT.vault.azure.net/secrets/NAME", ref)
	}
	return Reference{parts[1], parts[2], parts[3]}, nil
}

// Resolver fetches the secrets that references name. It makes a client for each vault once.
type Resolver struct {
	options Options

	mu    sync.Mutex
	known map[string]*azsecrets.Client
}

// NewResolver makes a resolver. It calls nobody.
func NewResolver(o Options) *Resolver {
	return &Resolver{options: o, known: map[string]*azsecrets.Client{}}
}

// Resolve fetches the text of the secret that a reference names; see ParseReference.
// Errors are fault.SecretUnavailable and never hold the secret.
func (r *Resolver) Resolve(ctx context.Context, ref string) (account.Secret, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return account.Secret{}, err
	}
	client, err := r.client(parsed.Vault)
	if err != nil {
		return account.Secret{}, err
	}
	return fetch(ctx, client, parsed.Name, parsed.Version)
}

func (r *Resolver) client(vault string) (*azsecrets.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[vault]; known != nil {
		return known, nil
	}
	client, err := clientOf(vault, r.options)
	if err == nil {
		r.known[vault] = client
	}
	return client, err
}
