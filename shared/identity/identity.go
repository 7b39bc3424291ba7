// Package identity chooses how Usher signs in to tenants, from the variables that
// azidentity names: a certificate, a federated token, or a client secret.
package identity

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// The environment variables (source: Azure SDK for Go, package azidentity, "Environment Variables").
const (
	varClientID  = "AZURE_CLIENT_ID"
	varCert      = "AZURE_CLIENT_CERTIFICATE_PATH"
	varCertPass  = "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	varCertChain = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"
	varFederated = "AZURE_FEDERATED_TOKEN_FILE"
	varSecret    = "AZURE_CLIENT_SECRET"
)

// Options of New.
type Options struct {
	// Env looks a variable up. One that is set but empty counts as not set.
	Env func(string) (string, bool)
	// AuthorityHost is the https URL of the sign-in service. Empty means the public cloud's.
	AuthorityHost string
	// Transport sends the requests. Nil means azcore's own.
	Transport policy.Transporter
	// DisableInstanceDiscovery leaves out the question to Microsoft whether the
	// authority is one of theirs. It is left out anyway for hosts that are not.
	DisableInstanceDiscovery bool
}

// Source makes the credentials of one application, one for each tenant.
type Source struct {
	forTenant maker

	mu    sync.Mutex
	known map[account.TenantID]azcore.TokenCredential
}

// microsoft are the hosts that instance discovery knows.
var microsoft = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"login.microsoftonline.us", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn"}

// New chooses the way to sign in: AZURE_CLIENT_CERTIFICATE_PATH before
// AZURE_FEDERATED_TOKEN_FILE before AZURE_CLIENT_SECRET, each with AZURE_CLIENT_ID.
// Its error names every variable to set; it holds no secret. Nothing is sent.
func New(o Options) (*Source, error) {
	if o.AuthorityHost == "" {
		o.AuthorityHost = cloud.AzurePublic.ActiveDirectoryAuthorityHost
	}
	authority, err := url.Parse(o.AuthorityHost)
	if err != nil || authority.Scheme != "https" || authority.Host == "" {
		return nil, fmt.Errorf("the sign-in endpoint %q must begin with https:// (USHER_LOGIN_ENDPOINT or AZURE_AUTHORITY_HOST); for a certificate of your own set SSL_CERT_FILE", o.AuthorityHost)
	}
	c := chooser{env: o.Env, direct: o.DisableInstanceDiscovery || !slices.Contains(microsoft, strings.ToLower(authority.Host))}
	c.client = azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: o.AuthorityHost},
		Transport: o.Transport,
		// The runner retries, by the queue and not by sleeping.
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{ApplicationID: "usher"},
	}
	forTenant, err := c.choose()
	if err != nil {
		return nil, err
	}
	return &Source{forTenant: forTenant, known: map[account.TenantID]azcore.TokenCredential{}}, nil
}

// Credential gives the credential of a tenant, the same one each time, which keeps
// its tokens. It sends nothing. An error is permanent.
func (s *Source) Credential(tenant account.TenantID) (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.known[tenant]; ok {
		return c, nil
	}
	c, err := s.forTenant(string(tenant))
	if err != nil {
		return nil, fault.Stopf(fault.TenantNotFound, "prepare the sign-in to tenant %q: %w", tenant, err)
	}
	s.known[tenant] = c
	return c, nil
}

type maker = func(tenant string) (azcore.TokenCredential, error)

type chooser struct {
	env    func(string) (string, bool)
	client azcore.ClientOptions
	direct bool
}

func (c chooser) get(name string) string {
	value, _ := c.env(name)
	return value
}

func (c chooser) choose() (maker, error) {
	id := c.get(varClientID)
	var missing []error
	if id == "" {
		missing = append(missing, errors.New(varClientID+" is not set; it is the application (client) id"))
	}
	method, err := c.method(id)
	if missing = append(missing, err); errors.Join(missing...) != nil {
		return nil, fmt.Errorf("no credential to sign in with: %w", errors.Join(missing...))
	}
	return method, nil
}

func (c chooser) method(id string) (maker, error) {
	switch {
	case c.get(varCert) != "":
		return c.certificate(id)
	case c.get(varFederated) != "":
		return c.federated(id)
	case c.get(varSecret) != "":
		return c.secret(id), nil
	}
	return nil, fmt.Errorf("set one of %s, %s and %s", varCert, varFederated, varSecret)
}

func (c chooser) certificate(id string) (maker, error) {
	path := c.get(varCert)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", varCert, err)
	}
	certs, key, err := azidentity.ParseCertificates(text, []byte(c.get(varCertPass)))
	if err != nil {
		return nil, fmt.Errorf("%s: %s holds no usable certificate and key (PEM or PKCS#12; its password goes into %s): %w", varCert, path, varCertPass, err)
	}
	chain := c.get(varCertChain)
	o := &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: c.client, DisableInstanceDiscovery: c.direct, SendCertificateChain: chain == "1" || strings.EqualFold(chain, "true"),
	}
	return func(tenant string) (azcore.TokenCredential, error) {
		return azidentity.NewClientCertificateCredential(tenant, id, certs, key, o)
	}, nil
}

func (c chooser) federated(id string) (maker, error) {
	path := c.get(varFederated)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", varFederated, err)
	}
	return func(tenant string) (azcore.TokenCredential, error) {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: c.client, DisableInstanceDiscovery: c.direct, ClientID: id, TenantID: tenant, TokenFilePath: path,
		})
	}, nil
}

func (c chooser) secret(id string) maker {
	secret := account.NewSecret(c.get(varSecret))
	return func(tenant string) (azcore.TokenCredential, error) {
		return azidentity.NewClientSecretCredential(tenant, id, secret.Reveal(), &azidentity.ClientSecretCredentialOptions{
			ClientOptions: c.client, DisableInstanceDiscovery: c.direct,
		})
	}
}
