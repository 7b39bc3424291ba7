package identity_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/identity"
	"github.com/usher365/usher/shared/stsfake"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	roleARN   = "arn:aws:iam::123456789012:role/usher"
	accessKey = "ASIAEXAMPLE"
	graph     = "https://graph.microsoft.com/.default"
	exchange  = "https://outlook.office365.com/.default"
	audience  = tenantfake.TokenExchange
)

var onLambda = []string{"AZURE_CLIENT_ID", clientID, "AWS_LAMBDA_FUNCTION_NAME", "usher-create"}

var stsKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// clouds are AWS and two tenants on loopback, over TLS, with one application that trusts roleARN.
type clouds struct {
	t      *testing.T
	sts    *stsfake.Server
	aws    *httptest.Server
	entra  *tenantfake.Server
	login  *tenantfake.Listener
	client *http.Client
}

// setting is what a test makes different.
type setting struct {
	trusted   tenantfake.FederatedCredential // what is empty is right
	stsClock  time.Duration                  // ahead of ours
	published *rsa.PrivateKey                // nil: the key that signs
	aws       func(*aws.Config)
}

func start(t *testing.T, o setting) *clouds {
	t.Helper()
	c := &clouds{t: t, aws: httptest.NewUnstartedServer(nil)}
	issuer := "https://" + c.aws.Listener.Addr().String()
	c.sts = stsfake.New(stsfake.Options{Issuer: issuer, Key: stsKey(), Now: func() time.Time { return time.Now().Add(o.stsClock) }})
	c.sts.SetRole(accessKey, stsfake.Role{ARN: roleARN})
	c.aws.Config.Handler = c.sts
	c.aws.StartTLS()
	t.Cleanup(c.aws.Close)

	issuers := c.aws.Client().Transport
	if o.published != nil {
		issuers = stsfake.New(stsfake.Options{Issuer: issuer, Key: o.published}).Transport()
	}
	c.entra = tenantfake.New(tenantfake.Options{Issuers: issuers})
	for _, id := range []account.TenantID{tenantA, tenantB} {
		c.entra.AddTenant(tenantfake.TenantSpec{ID: string(id), InitialDomain: string(id) + ".onmicrosoft.com", Apps: []tenantfake.App{{ClientID: clientID}}})
	}
	trusted := tenantfake.FederatedCredential{Issuer: issuer, Subject: roleARN, Audiences: o.trusted.Audiences}
	if o.trusted.Issuer != "" {
		trusted.Issuer = o.trusted.Issuer
	}
	if o.trusted.Subject != "" {
		trusted.Subject = o.trusted.Subject
	}
	_, err := c.entra.PutFederatedCredential(clientID, trusted)
	require.NoError(t, err)
	c.login, err = c.entra.Start("")
	require.NoError(t, err)
	c.client = c.login.Client()
	t.Cleanup(func() {
		c.client.CloseIdleConnections()
		assert.NoError(t, c.login.Close())
	})
	return c
}

// config is AWS's configuration in a function; nothing of this machine's is read.
func (c *clouds) config(edit func(*aws.Config)) func(context.Context) (aws.Config, error) {
	return func(context.Context) (aws.Config, error) {
		cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &c.aws.URL, HTTPClient: c.aws.Client(), Credentials: roleCredentials}
		if edit != nil {
			edit(&cfg)
		}
		return cfg, nil
	}
}

var roleCredentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: canary, SessionToken: canary}, nil
})

func (c *clouds) source(edit func(*aws.Config), pairs ...string) *identity.Source {
	c.t.Helper()
	s, err := identity.New(identity.Options{Env: env(pairs...), AuthorityHost: c.login.URL, Transport: c.client, AWS: c.config(edit)})
	require.NoError(c.t, err)
	return s
}

// ask asks for a token, as entra.Client and exchange.Client do.
func ask(t *testing.T, c azcore.TokenCredential, scope string) (string, error) {
	t.Helper()
	got, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}, EnableCAE: true})
	return got.Token, err
}

func TestAWSRoleSignsInToTwoTenants(t *testing.T) {
	c := start(t, setting{})
	s := c.source(nil, onLambda...)
	assert.Equal(t, identity.AWSRole, s.Method())
	for _, scope := range []string{graph, exchange, graph} {
		for _, tenant := range []account.TenantID{tenantA, tenantB} {
			credential, err := s.Credential(tenant)
			require.NoError(t, err)
			got, err := ask(t, credential, scope)
			require.NoError(t, err)
			assert.NotEmpty(t, got)
		}
	}
	require.Len(t, c.sts.Calls(), 1, "one token of AWS serves every tenant while it lasts")
	asked := c.sts.Calls()[0]
	assert.Equal(t, []string{audience}, asked.Audiences)
	assert.Equal(t, "RS256", asked.Algorithm)
	assert.Equal(t, 300, asked.Seconds)
	assert.Equal(t, 2+4, c.entra.Count(tenantfake.Login), "discovery for each tenant, a token for each tenant and scope")
}

func TestACredentialIsForItsOwnTenant(t *testing.T) {
	c := start(t, setting{})
	credential, err := c.source(nil, onLambda...).Credential(tenantA)
	require.NoError(t, err)
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{graph}, TenantID: string(tenantB)})
	require.ErrorContains(t, err, "AdditionallyAllowedTenants")
	assert.Zero(t, c.entra.Count(tenantfake.Login))
}

func TestWhatIsRefusedIsToldApart(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	fails := func(f stsfake.Failure) func(*clouds) { return func(c *clouds) { c.sts.Fail(1, f) } }
	tests := map[string]struct {
		setting setting
		before  func(*clouds)
		code    fault.Code
		class   fault.Class
		words   []string
	}{
		"issuer":         {setting{trusted: tenantfake.FederatedCredential{Issuer: "https://other.example"}}, nil, fault.CredentialInvalid, fault.Permanent, []string{"AADSTS700211", roleARN, audience}},
		"subject":        {setting{trusted: tenantfake.FederatedCredential{Subject: roleARN + "-2"}}, nil, fault.CredentialInvalid, fault.Permanent, []string{"AADSTS700213", `subject "` + roleARN + `"`}},
		"subject's case": {setting{trusted: tenantfake.FederatedCredential{Subject: strings.ToUpper(roleARN)}}, nil, fault.CredentialInvalid, fault.Permanent, []string{"AADSTS7002138", roleARN}},
		"audience":       {setting{trusted: tenantfake.FederatedCredential{Audiences: []string{"api://other"}}}, nil, fault.CredentialInvalid, fault.Permanent, []string{"AADSTS700212", audience}},
		"expired":        {setting{stsClock: -10 * time.Minute}, nil, fault.CredentialInvalid, fault.Transient, []string{"AADSTS700024", "valid time range"}},
		"signature":      {setting{published: stranger}, nil, fault.CredentialInvalid, fault.Transient, []string{"AADSTS50013"}},
		"disabled": {setting{}, func(c *clouds) { c.sts.SetEnabled(false) }, fault.WorkloadIdentityMissing, fault.Permanent,
			[]string{"aws iam enable-outbound-web-identity-federation"}},
		"not allowed": {setting{}, fails(stsfake.Failure{Status: 403, Code: "AccessDenied", Message: "not authorized"}), fault.WorkloadIdentityMissing, fault.Permanent, []string{"allow the role", "sts:GetWebIdentityToken"}},
		"session ends": {setting{}, func(c *clouds) {
			c.sts.SetRole(accessKey, stsfake.Role{ARN: roleARN, SessionEnds: time.Now().Add(time.Minute)})
		}, fault.WorkloadIdentityMissing, fault.Transient, []string{"session of the role is at its end"}},
		"throttled":      {setting{}, fails(stsfake.Failure{Status: 400, Code: "Throttling", Message: "Rate exceeded"}), fault.Throttled, fault.Transient, []string{"AWS STS asks for a pause"}},
		"unavailable":    {setting{}, fails(stsfake.Failure{Status: 503, Code: "ServiceUnavailable"}), fault.ServiceUnavailable, fault.Transient, []string{"AWS STS is not available"}},
		"lost":           {setting{}, fails(stsfake.Failure{}), fault.Unreachable, fault.Transient, []string{"no answer from AWS STS"}},
		"down":           {setting{}, func(c *clouds) { c.aws.Close() }, fault.Unreachable, fault.Transient, []string{"no answer from AWS STS", "AWS_REGION"}},
		"not STS":        {setting{}, fails(stsfake.Failure{Status: 404, Message: "proxy"}), fault.AnswerNotUnderstood, fault.Transient, []string{"not that of AWS STS"}},
		"new reason":     {setting{}, fails(stsfake.Failure{Status: 400, Code: "MoonPhase"}), fault.Unexpected, fault.Transient, []string{"MoonPhase"}},
		"no region":      {setting{aws: func(c *aws.Config) { c.Region = "" }}, nil, fault.WorkloadIdentityMissing, fault.Permanent, []string{"AWS_REGION"}},
		"other region":   {setting{aws: func(c *aws.Config) { c.Region = "us-east-1" }}, nil, fault.WorkloadIdentityMissing, fault.Permanent, []string{"AWS_REGION"}},
		"no credentials": {setting{aws: func(c *aws.Config) { c.Credentials = nil }}, nil, fault.WorkloadIdentityMissing, fault.Permanent, []string{"give the process a role"}},
		"no role": {setting{aws: func(c *aws.Config) {
			c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })
		}}, nil, fault.WorkloadIdentityMissing, fault.Transient, []string{"no credentials of a role"}},
		"consent": {setting{}, func(c *clouds) { c.entra.Tenant(string(tenantA)).RemoveApp(clientID) }, fault.Unexpected, fault.Transient, []string{"AADSTS700016"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, tt.setting)
			if tt.before != nil {
				tt.before(c)
			}
			credential, err := c.source(tt.setting.aws, onLambda...).Credential(tenantA)
			require.NoError(t, err)
			_, err = ask(t, credential, graph)
			require.Error(t, err)
			assert.Equal(t, tt.code, fault.CodeOf(err), err)
			assert.Equal(t, tt.class, fault.ClassOf(err))
			for _, w := range tt.words {
				assert.ErrorContains(t, err, w)
			}
			assert.NotContains(t, err.Error(), canary)
			assert.NotContains(t, err.Error(), "eyJ", "no token is shown")
		})
	}
}

// What a person puts right counts at once: a refused token is not shown again.
func TestARefusedTokenIsNotKept(t *testing.T) {
	c := start(t, setting{trusted: tenantfake.FederatedCredential{Subject: "arn:aws:iam::123456789012:role/former"}})
	credential, err := c.source(nil, onLambda...).Credential(tenantA)
	require.NoError(t, err)
	_, err = ask(t, credential, graph)
	require.Error(t, err)
	var inner *azidentity.AuthenticationFailedError
	require.ErrorAs(t, err, &inner, "the library's own error stays in the chain")
	c.sts.SetRole(accessKey, stsfake.Role{ARN: "arn:aws:iam::123456789012:role/former"})
	_, err = ask(t, credential, graph)
	require.NoError(t, err)
	assert.Len(t, c.sts.Calls(), 2)
}

func TestFreshDropsTheTokensOfOneTenant(t *testing.T) {
	c := start(t, setting{})
	s := c.source(nil, onLambda...)
	token := func(give func(account.TenantID) (azcore.TokenCredential, error), tenant account.TenantID) string {
		credential, err := give(tenant)
		require.NoError(t, err)
		got, err := ask(t, credential, graph)
		require.NoError(t, err)
		return got
	}
	token(s.Credential, tenantA)
	other := token(s.Credential, tenantB)
	before := c.entra.Count(tenantfake.Login)

	require.True(t, c.entra.Tenant(string(tenantA)).SetPermissions(clientID, []string{"User.ReadWrite.All"}, nil))
	require.NotContains(t, decode(t, token(s.Credential, tenantA)), "User.ReadWrite.All", "a token is frozen")
	assert.Equal(t, before, c.entra.Count(tenantfake.Login))
	assert.Contains(t, decode(t, token(s.Fresh, tenantA)), "User.ReadWrite.All")
	assert.Equal(t, before+2, c.entra.Count(tenantfake.Login), "discovery and a token, for this tenant alone")
	assert.Contains(t, decode(t, token(s.Credential, tenantA)), "User.ReadWrite.All", "the fresh one is kept")
	assert.Equal(t, other, token(s.Credential, tenantB))
	assert.Equal(t, before+2, c.entra.Count(tenantfake.Login))
	assert.Len(t, c.sts.Calls(), 1)
}

func TestACancelledWaitIsNoFault(t *testing.T) {
	c := start(t, setting{})
	credential, err := c.source(nil, onLambda...).Credential(tenantA)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{graph}})
	require.Error(t, err)
	assert.Empty(t, c.sts.Calls())
}

// The SDK's own configuration, from an environment as Lambda sets it. The machine's files are out of sight.
func TestDefaultAWSConfiguration(t *testing.T) {
	c := start(t, setting{})
	plain := httptest.NewServer(c.sts)
	t.Cleanup(plain.Close)
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": canary, "AWS_SESSION_TOKEN": canary,
		"AWS_ENDPOINT_URL_STS": plain.URL, "AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
	s, err := identity.New(identity.Options{Env: env(onLambda...), AuthorityHost: c.login.URL, Transport: c.client})
	require.NoError(t, err)
	credential, err := s.Credential(tenantB)
	require.NoError(t, err)
	_, err = ask(t, credential, graph)
	require.NoError(t, err)
	assert.Len(t, c.sts.Calls(), 1)
}

// decode gives the claims of a token as text.
func decode(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	return string(raw)
}
