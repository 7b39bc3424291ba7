package secretsmanager_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/secrets/secretsmanager"
	"github.com/usher365/usher/shared/secrets/vaulttest"
	"github.com/usher365/usher/shared/secretsmanagerfake"
)

const canary = "canary-Passw0rd-canary"

// clock is the service's time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
}

// service is the fake with the time in our hands. A name is taken for two seconds
// after it was deleted.
type service struct {
	*secretsmanagerfake.Server
	clock *clock
}

func serve(t *testing.T) service {
	c := &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	s := service{secretsmanagerfake.New(secretsmanagerfake.Options{Now: c.Now, Deletion: 2 * time.Second}), c}
	t.Cleanup(s.Close)
	return s
}

func (s service) Throttle()   { s.Fail(secretsmanagerfake.Throttled) }
func (s service) Deny()       { s.Fail(secretsmanagerfake.Denied) }
func (s service) Down()       { s.Fail(secretsmanagerfake.Down) }
func (s service) LoseWrites() { s.Fail(secretsmanagerfake.LoseWrites) }
func (s service) Echo()       { s.Fail(secretsmanagerfake.Echo) }
func (s service) Heal()       { s.Fail(secretsmanagerfake.None) }

// options reach the service as in its own region, unless another is asked for.
func (s service) options() secretsmanager.Options {
	return secretsmanager.Options{Load: func(_ context.Context, region string) (aws.Config, error) {
		if region == "" {
			region = "eu-central-1"
		}
		return aws.Config{Region: region, BaseEndpoint: aws.String(s.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKID", "key", "")}, nil
	}}
}

func (s service) open(t *testing.T) *secretsmanager.Vault {
	t.Helper()
	v, err := secretsmanager.Open(t.Context(), "usher/prod", s.options())
	require.NoError(t, err)
	return v
}

func TestContract(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vaulttest.Engine {
		s := serve(t)
		return vaulttest.Engine{
			Open: func(t *testing.T) vaulttest.Vault { return s.open(t) }, Scheme: secretsmanager.Scheme, Pass: s.clock.pass, Service: s,
		}
	})
}

func making(text string) func() (account.Secret, error) {
	return func() (account.Secret, error) { return account.NewSecret(text), nil }
}

func TestNamesAndCalls(t *testing.T) {
	s := serve(t)
	v := s.open(t)
	ref, _, err := v.SealOnce(t.Context(), "contoso.onmicrosoft.com/sam360@contoso.com", making(canary))
	require.NoError(t, err)
	assert.Equal(t, "aws-secretsmanager:usher/prod/contoso.onmicrosoft.com/sam360@contoso.com", ref)
	assert.Equal(t, []string{"GetSecretValue", "CreateSecret"}, s.Calls())
	_, _, err = v.SealOnce(t.Context(), "contoso.onmicrosoft.com/sam360@contoso.com", making("another"))
	require.NoError(t, err)
	assert.Equal(t, []string{"GetSecretValue"}, s.Calls())
	require.NoError(t, v.Discard(t.Context(), ref))
	assert.Equal(t, []string{"DeleteSecret"}, s.Calls())
	ref, _, err = v.SealOnce(t.Context(), "tenant/acc-abcdef", making(canary))
	require.NoError(t, err)
	assert.Equal(t, "aws-secretsmanager:usher/prod/tenant/acc-abcdef=", ref, "no name ends as an ARN does")
}

// What a person deleted is not restored behind that person's back.
func TestASecretThatAPersonDeleted(t *testing.T) {
	s := serve(t)
	v := s.open(t)
	ref, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.NoError(t, err)
	s.ScheduleDeletion("usher/prod/tenant/acc-1")
	_, sealed, err := v.SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.ErrorContains(t, err, "restore-secret")
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
	assert.True(t, sealed.IsZero())
	_, err = v.Replace(t.Context(), "tenant/acc-1", account.NewSecret(canary))
	require.ErrorContains(t, err, "restore-secret")

	s.Restore("usher/prod/tenant/acc-1")
	_, sealed, err = v.SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.NoError(t, err)
	assert.Equal(t, canary, sealed.Reveal())
	s.ScheduleDeletion("usher/prod/tenant/acc-1")
	require.NoError(t, v.Discard(t.Context(), ref), "what is discarded is deleted for good")
	s.clock.pass()
	s.clock.pass()
	_, sealed, err = v.SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.NoError(t, err)
	assert.Equal(t, "another", sealed.Reveal())
}

func TestWhatIsDenied(t *testing.T) {
	s := serve(t)
	v := s.open(t)
	s.Deny()
	_, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.ErrorContains(t, err, "allow secretsmanager:GetSecretValue on it")
	require.ErrorContains(t, err, "usher/prod/tenant/acc-1 (request 0000")
	s.Fail(secretsmanagerfake.Broken)
	_, _, err = v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.ErrorContains(t, err, "InternalServiceError")
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
}

func TestOpenRefuses(t *testing.T) {
	s := serve(t)
	for _, bad := range []string{"", "/", "usher/", "/usher", "a//b", "a b", "a#b", "arn:aws:x", string(make([]byte, 201))} {
		_, err := secretsmanager.Open(t.Context(), bad, s.options())
		require.ErrorContains(t, err, "no beginning for names", bad)
	}
	_, err := secretsmanager.Open(t.Context(), "usher", secretsmanager.Options{Load: func(context.Context, string) (aws.Config, error) { return aws.Config{}, nil }})
	require.ErrorContains(t, err, "AWS_REGION")
}

// The SDK's own chain finds region and credentials in a function's environment.
func TestTheEnvironment(t *testing.T) {
	s := serve(t)
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.URL(),
		"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	s.Add("hook", canary)
	secret, err := secretsmanager.NewResolver(secretsmanager.Options{}).Resolve(t.Context(), "aws-secretsmanager:hook")
	require.NoError(t, err)
	assert.Equal(t, canary, secret.Reveal())
}
