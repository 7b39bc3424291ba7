// Package references fetches secret settings that AWS Secrets Manager or Azure Key Vault
// keeps, for config.Load. It asks only the service that a reference names.
package references

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/secrets/keyvault"
	"github.com/usher365/usher/shared/secrets/sealed"
	"github.com/usher365/usher/shared/secrets/secretsmanager"
)

// attempts is how often a secret is asked for in place: a start is not repeated by a queue.
const attempts = 3

// Options of New.
type Options struct {
	// Env says how to sign in to Azure, see package identity, and at which authority:
	// USHER_LOGIN_ENDPOINT, AZURE_AUTHORITY_HOST or USHER_CLOUD. For AWS the SDK looks at
	// the process's own environment.
	Env func(string) (string, bool)
	// Transport carries the calls to the sign-in and to Key Vault; nil means azcore's own.
	Transport policy.Transporter
}

// Resolver fetches from both services. It is safe for concurrent use.
type Resolver struct {
	aws   *secretsmanager.Resolver
	azure func() (*keyvault.Resolver, error)
}

// New makes a resolver. It calls nobody, and needs no credential until a reference needs one.
func New(o Options) *Resolver {
	return &Resolver{
		aws:   secretsmanager.NewResolver(secretsmanager.Options{Attempts: attempts}),
		azure: sync.OnceValues(func() (*keyvault.Resolver, error) { return o.keyVault() }),
	}
}

// Resolve gives the secret that a reference names; see the packages secretsmanager and
// keyvault. Errors never hold it.
func (r *Resolver) Resolve(ctx context.Context, ref string) (account.Secret, error) {
	switch {
	case strings.HasPrefix(ref, secretsmanager.Scheme):
		return r.aws.Resolve(ctx, ref)
	case strings.HasPrefix(ref, keyvault.Scheme):
		azure, err := r.azure()
		if err != nil {
			return account.Secret{}, err
		}
		return azure.Resolve(ctx, ref)
	}
	return account.Secret{}, sealed.Refused("%q is not a reference to a secret; they begin with %s or %s", ref, secretsmanager.Scheme, keyvault.Scheme)
}

func (o Options) keyVault() (*keyvault.Resolver, error) {
	authority, err := o.authority()
	if err != nil {
		return nil, err
	}
	source, err := identity.New(identity.Options{Env: o.Env, AuthorityHost: authority, Transport: o.Transport})
	if err != nil {
		return nil, sealed.Refused("sign in for Key Vault: %w", err)
	}
	return keyvault.NewResolver(keyvault.Options{Credential: source.Credential, Transport: o.Transport, Attempts: attempts}), nil
}

// authority is where to sign in, as the environment says: the configuration is not read yet.
func (o Options) authority() (string, error) {
	for _, name := range []string{"USHER_LOGIN_ENDPOINT", "AZURE_AUTHORITY_HOST"} {
		if host, _ := o.Env(name); host != "" {
			return host, nil
		}
	}
	cloud, _ := o.Env("USHER_CLOUD")
	hosts, known := config.Hosts(cloud)
	if !known {
		return "", fmt.Errorf("sign in for Key Vault: %q is not a cloud (USHER_CLOUD)", cloud)
	}
	return hosts.Login, nil
}
