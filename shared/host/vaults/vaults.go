// Package vaults opens the vault of sealed passwords that a setting names. It links
// every engine, so only what seals passwords imports it.
package vaults

import (
	"context"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets"
	"github.com/usher365/usher/shared/secrets/keyvault"
	"github.com/usher365/usher/shared/secrets/sealed"
	"github.com/usher365/usher/shared/secrets/secretsmanager"
)

// Vault is an open vault, safe for concurrent use; see secrets.FileVault,
// secretsmanager.Vault and keyvault.Vault for what each promises.
type Vault interface {
	SealOnce(ctx context.Context, key string, create func() (account.Secret, error)) (ref string, s account.Secret, err error)
	Replace(ctx context.Context, key string, s account.Secret) (ref string, err error)
	Open(ctx context.Context, ref string) (account.Secret, error)
	Discard(ctx context.Context, ref string) error
}

// Options of Open.
type Options struct {
	// Credential signs in to a tenant; needed for Key Vault only, which says which tenant.
	Credential func(account.TenantID) (azcore.TokenCredential, error)
	// Transport carries the calls to Key Vault; nil means azcore's own.
	Transport policy.Transporter
}

// Open opens the vault at an address: file:DIR, aws-secretsmanager:PREFIX (region and
// role are those of the environment), or azure-keyvault:https://NAME.vault.azure.net.
// Only a directory is looked at; the services are not called. Errors are
// fault.SecretUnavailable.
func Open(ctx context.Context, address string, o Options) (Vault, error) {
	scheme, rest, _ := strings.Cut(address, ":")
	if rest == "" {
		scheme = ""
	}
	switch scheme + ":" {
	case "file:":
		return checked(secrets.OpenFileVault(rest, secrets.Options{}))
	case secretsmanager.Scheme:
		return checked(secretsmanager.Open(ctx, rest, secretsmanager.Options{}))
	case keyvault.Scheme:
		return checked(keyvault.Open(rest, keyvault.Options{Credential: o.Credential, Transport: o.Transport}))
	}
	return nil, sealed.Refused("%q is not the address of a vault; write file:/DIR, aws-secretsmanager:PREFIX or azure-keyvault:https://NAME.vault.azure.net", address)
}

// checked keeps a nil pointer out of the interface.
func checked[V Vault](v V, err error) (Vault, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
