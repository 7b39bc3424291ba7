// Package identity chooses how Usher signs in to tenants: with the identity that AWS
// or Azure gives to the process, which needs no secret, or with a certificate, a
// federated token or a client secret that the environment names.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// The environment variables (source: Azure SDK for Go, package azidentity, "Environment
// Variables"; Azure App Service, "REST endpoint reference" of managed identities; AWS
// Lambda and Amazon ECS, environment variables). USHER_… is ours.
const (
	varClientID  = "AZURE_CLIENT_ID"
	varTenantID  = "AZURE_TENANT_ID"
	varCert      = "AZURE_CLIENT_CERTIFICATE_PATH"
	varCertPass  = "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	varCertChain = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"
	varFederated = "AZURE_FEDERATED_TOKEN_FILE"
	varSecret    = "AZURE_CLIENT_SECRET"
	varManagedID = "USHER_MANAGED_IDENTITY_CLIENT_ID"
	varConsents  = "USHER_CONSENTS_CLIENT_ID"
	varManaged   = "IDENTITY_ENDPOINT"
)

// ofAWS are set where AWS runs the process and gives it a role.
var ofAWS = []string{"AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"}

// Options of New.
type Options struct {
	// Env looks a variable up. One that is set but empty counts as not set.
	Env func(string) (string, bool)
	// ForConsents signs in as USHER_CONSENTS_CLIENT_ID, the application that grants
	// consents, where that is set, and as AZURE_CLIENT_ID where it is not. How is the same
	// for both: what vouches for one must vouch for the other.
	ForConsents bool
	// AuthorityHost is the https URL of the sign-in service. Empty means the public cloud's.
	AuthorityHost string
	// Transport sends the requests to the sign-in service and to Azure's managed
	// identities. Nil means azcore's own.
	Transport policy.Transporter
	// AWS gives region, credentials and HTTP client for calls to AWS. It is asked at the
	// first sign-in with an AWS role. Nil means the AWS SDK's default configuration,
	// which reads the process's environment and the files that it names.
	AWS func(context.Context) (aws.Config, error)
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// DisableInstanceDiscovery leaves out the question to Microsoft whether the
	// authority is one of theirs. It is left out anyway for hosts that are not.
	DisableInstanceDiscovery bool
}

// Source makes the credentials of one application, one for each tenant. A credential
// gets tokens for its own tenant only and keeps them apart from all others, so that
// those of one tenant can be dropped. It is safe for concurrent use.
type Source struct {
	method    Method
	own       own
	forTenant maker

	mu    sync.Mutex
	known map[account.TenantID]azcore.TokenCredential
}

// microsoft are the hosts that instance discovery knows.
var microsoft = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"login.microsoftonline.us", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn"}

// New chooses the way to sign in: AZURE_CLIENT_CERTIFICATE_PATH before
// AZURE_FEDERATED_TOKEN_FILE before AZURE_CLIENT_SECRET, each with AZURE_CLIENT_ID;
// then the role that AWS gave to the process, with AZURE_CLIENT_ID; then Azure's
// managed identity, which signs in as AZURE_CLIENT_ID if that is set and as itself
// otherwise. USHER_MANAGED_IDENTITY_CLIENT_ID picks a user-assigned one.
// Its error names every variable to set; it holds no secret. Nothing is sent.
func New(o Options) (*Source, error) {
	if o.AuthorityHost == "" {
		o.AuthorityHost = cloud.AzurePublic.ActiveDirectoryAuthorityHost
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	authority, err := url.Parse(o.AuthorityHost)
	if err != nil || authority.Scheme != "https" || authority.Host == "" {
		return nil, fmt.Errorf("the sign-in endpoint %q must begin with https:// (USHER_LOGIN_ENDPOINT or AZURE_AUTHORITY_HOST); for a certificate of your own set SSL_CERT_FILE", o.AuthorityHost)
	}
	c := chooser{Options: o, direct: o.DisableInstanceDiscovery || !slices.Contains(microsoft, strings.ToLower(authority.Host))}
	c.client = azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: o.AuthorityHost},
		Transport: o.Transport,
		// The runner retries, by the queue and not by sleeping.
		Retry:     policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{ApplicationID: "usher"},
	}
	method, forTenant, err := c.choose()
	if err != nil {
		return nil, err
	}
	return &Source{method: method, own: c.own(method), forTenant: forTenant, known: map[account.TenantID]azcore.TokenCredential{}}, nil
}

// Credentials gives a new credential each time one is asked for, which happens once for
// each tenant and again after a token was refused: permissions are frozen into a token,
// so that one from a cache knows of no grant since. What is wrong with the options shows
// when a credential is asked for.
func Credentials(o Options) func(account.TenantID) (azcore.TokenCredential, error) {
	source, err := New(o)
	if err != nil {
		return func(account.TenantID) (azcore.TokenCredential, error) { return nil, err }
	}
	return source.Fresh
}

// Method says how the source signs in.
func (s *Source) Method() Method { return s.method }

// Credential gives the credential of a tenant, the same one each time, which keeps
// its tokens. It sends nothing. An error is permanent.
func (s *Source) Credential(tenant account.TenantID) (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.known[tenant]; ok {
		return c, nil
	}
	return s.make(tenant, false)
}

// Fresh gives a new credential of a tenant, which has no token yet, and which
// Credential gives from now on. It is for after a grant, as permissions are frozen
// into a token when it is issued. The other tenants' tokens stay as they are.
func (s *Source) Fresh(tenant account.TenantID) (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.make(tenant, true)
}

func (s *Source) make(tenant account.TenantID, fresh bool) (azcore.TokenCredential, error) {
	c, err := s.forTenant(string(tenant), fresh)
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, fault.Stopf(fault.TenantNotFound, "prepare the sign-in to tenant %q: %w", tenant, err)
	}
	s.known[tenant] = c
	return c, nil
}

// maker makes the credential of a tenant. fresh asks for one that also passes caches
// which outlive it.
type maker = func(tenant string, fresh bool) (azcore.TokenCredential, error)

type chooser struct {
	Options
	client azcore.ClientOptions
	direct bool
}

func (c chooser) get(name string) string {
	value, _ := c.Env(name)
	return value
}

// clientID is the application to sign in as; empty when none is set.
func (c chooser) clientID() string {
	if id := c.get(varConsents); c.ForConsents && id != "" {
		return id
	}
	return c.get(varClientID)
}

func (c chooser) choose() (Method, maker, error) {
	method := c.method()
	var missing []error
	if c.clientID() == "" && method != ManagedIdentity {
		missing = append(missing, errors.New(varClientID+" is not set; it is the application (client) id"))
	}
	forTenant, err := c.makerOf(method, c.clientID())
	if missing = append(missing, err); errors.Join(missing...) != nil {
		return "", nil, fmt.Errorf("no credential to sign in with: %w", errors.Join(missing...))
	}
	return method, forTenant, nil
}

// method looks at what is set, in the order of New.
func (c chooser) method() Method {
	switch {
	case c.get(varCert) != "":
		return Certificate
	case c.get(varFederated) != "":
		return TokenFile
	case c.get(varSecret) != "":
		return ClientSecret
	case slices.ContainsFunc(ofAWS, func(name string) bool { return c.get(name) != "" }):
		return AWSRole
	case c.get(varManaged) == "":
		return ""
	case c.clientID() == "" || strings.EqualFold(c.clientID(), c.get(varManagedID)):
		return ManagedIdentity
	}
	return FederatedManagedIdentity
}

func (c chooser) makerOf(m Method, id string) (maker, error) {
	switch m {
	case Certificate:
		return c.certificate(id)
	case TokenFile:
		return c.tokenFile(id)
	case ClientSecret:
		return c.secret(id), nil
	case AWSRole:
		return c.asserting(id, c.aws()), nil
	case FederatedManagedIdentity:
		return c.federatedManaged(id)
	case ManagedIdentity:
		return c.managed()
	}
	return nil, fmt.Errorf("set one of %s, %s and %s, or run where AWS gives a role or Azure a managed identity", varCert, varFederated, varSecret)
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
	return func(tenant string, _ bool) (azcore.TokenCredential, error) {
		return azidentity.NewClientCertificateCredential(tenant, id, certs, key, o)
	}, nil
}

func (c chooser) tokenFile(id string) (maker, error) {
	path := c.get(varFederated)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", varFederated, err)
	}
	return func(tenant string, _ bool) (azcore.TokenCredential, error) {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: c.client, DisableInstanceDiscovery: c.direct, ClientID: id, TenantID: tenant, TokenFilePath: path,
		})
	}, nil
}

func (c chooser) secret(id string) maker {
	secret := account.NewSecret(c.get(varSecret))
	return func(tenant string, _ bool) (azcore.TokenCredential, error) {
		return azidentity.NewClientSecretCredential(tenant, id, secret.Reveal(), &azidentity.ClientSecretCredentialOptions{
			ClientOptions: c.client, DisableInstanceDiscovery: c.direct,
		})
	}
}
