package keyvault_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/keyvaultfake"
	"github.com/usher365/usher/shared/secrets/keyvault"
	"github.com/usher365/usher/shared/secrets/vaulttest"
)

const canary = "canary-Passw0rd-canary"

// clock is the service's time, which passes while somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// service is the fake with the time in our hands; a deletion or recovery takes three seconds.
type service struct {
	*keyvaultfake.Server
	clock *clock
}

func serve(t *testing.T, o keyvaultfake.Options) service {
	c := &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	o.Now, o.Transition = c.Now, 3*time.Second
	s := service{keyvaultfake.New(o), c}
	t.Cleanup(s.Close)
	return s
}

func (s service) Throttle()   { s.Fail(keyvaultfake.Throttled) }
func (s service) Deny()       { s.Fail(keyvaultfake.Denied) }
func (s service) Down()       { s.Fail(keyvaultfake.Down) }
func (s service) LoseWrites() { s.Fail(keyvaultfake.LoseWrites) }
func (s service) Echo()       { s.Fail(keyvaultfake.Echo) }
func (s service) Heal()       { s.Fail(keyvaultfake.None) }

func (s service) options() keyvault.Options {
	return keyvault.Options{Credential: one(s.Credential()), Transport: s.Client(), Sleep: s.clock.sleep}
}

// one is the credential of the tenant that the vault trusts.
func one(c azcore.TokenCredential) func(account.TenantID) (azcore.TokenCredential, error) {
	return func(tenant account.TenantID) (azcore.TokenCredential, error) {
		if tenant != keyvaultfake.TenantID {
			return nil, fault.Stopf(fault.TenantNotFound, "there is no sign-in to %q", tenant)
		}
		return c, nil
	}
}

func (s service) open(t *testing.T) *keyvault.Vault {
	t.Helper()
	v, err := keyvault.Open(keyvaultfake.URL, s.options())
	require.NoError(t, err)
	return v
}

func TestContract(t *testing.T) {
	for name, o := range map[string]keyvaultfake.Options{"AbsentIsEmpty": {}, "AbsentIsNotFound": {VersionsNotFound: true}} {
		t.Run(name, func(t *testing.T) {
			vaulttest.Run(t, func(t *testing.T) vaulttest.Engine {
				s := serve(t, o)
				return vaulttest.Engine{
					Open: func(t *testing.T) vaulttest.Vault { return s.open(t) }, Scheme: keyvault.Scheme, Service: s,
					Pass: func() { assert.NoError(t, s.clock.sleep(context.Background(), time.Second)) },
				}
			})
		})
	}
}

func making(text string) func() (account.Secret, error) {
	return func() (account.Secret, error) { return account.NewSecret(text), nil }
}

// name gives the name of the secret that a reference means.
func name(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func TestNamesAndCalls(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	v := s.open(t)
	ref, _, err := v.SealOnce(t.Context(), "contoso.onmicrosoft.com/SAM360@contoso.com", making(canary))
	require.NoError(t, err)
	assert.Regexp(t, `^azure-keyvault:https://usher-test\.vault\.azure\.net/secrets/usher-contoso-onmicrosoft-com-sam360-contoso-com-[a-z2-7]{52}$`, ref)
	path := "/secrets/" + name(ref)
	assert.Equal(t, []string{"GET " + path + "/versions", "PUT " + path, "GET " + path + "/versions", "GET " + path + "/versions"}, s.Calls())
	_, _, err = v.SealOnce(t.Context(), "contoso.onmicrosoft.com/SAM360@contoso.com", making("another"))
	require.NoError(t, err)
	assert.Len(t, s.Calls(), 2)
	other, _, err := v.SealOnce(t.Context(), "contoso.onmicrosoft.com/sam360@contoso.com", making(canary))
	require.NoError(t, err)
	assert.NotEqual(t, strings.ToLower(ref), strings.ToLower(other), "names that differ in case only are one name to the service")
	assert.Equal(t, []policy.TokenRequestOptions{{EnableCAE: true, TenantID: keyvaultfake.TenantID, Scopes: []string{"https://vault.azure.net/.default"}}}, s.Asked())
}

// A version of a process that died before it looked which one counts is either found or
// not used; of those that lost nobody takes one for the password.
func TestVersionsThatNobodyGot(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	v := s.open(t)
	ref, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.NoError(t, err)
	for range 60 {
		s.Add(name(ref), "of one that died")
	}
	require.NoError(t, s.clock.sleep(t.Context(), time.Hour))
	_, sealed, err := s.open(t).SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.NoError(t, err)
	assert.Equal(t, canary, sealed.Reveal(), "the first counts, on whatever page it is")
	require.NoError(t, v.Discard(t.Context(), ref))
	assert.Empty(t, s.Enabled(name(ref)))
}

// Versions of one second have an arbitrary order: a young one is not trusted until no
// other can come before it.
func TestAYoungVersionIsNotTrusted(t *testing.T) {
	ref, _, err := serve(t, keyvaultfake.Options{}).open(t).SealOnce(t.Context(), "tenant/acc-1", making("elsewhere"))
	require.NoError(t, err)
	s := serve(t, keyvaultfake.Options{})
	s.Add(name(ref), "set first")
	o := s.options()
	var slept time.Duration
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		for range 10 {
			s.Add(name(ref), "set in the same second")
		}
		slept += d
		return s.clock.sleep(ctx, d)
	}
	v, err := keyvault.Open(keyvaultfake.URL, o)
	require.NoError(t, err)
	for range 2 {
		_, sealed, err := v.SealOnce(t.Context(), "tenant/acc-1", making("never"))
		require.NoError(t, err)
		assert.Equal(t, "set in the same second", sealed.Reveal())
		assert.Equal(t, 2*time.Second, slept, "once")
	}
}

// What a person deleted is not recovered behind that person's back.
func TestASecretThatAPersonDeleted(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	v := s.open(t)
	ref, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.NoError(t, err)
	s.Delete(name(ref))
	require.NoError(t, s.clock.sleep(t.Context(), 5*time.Second))
	_, sealed, err := v.SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.ErrorContains(t, err, "az keyvault secret recover")
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
	assert.True(t, sealed.IsZero())
	s.Recover(name(ref))
	require.NoError(t, s.clock.sleep(t.Context(), 5*time.Second))
	_, sealed, err = v.SealOnce(t.Context(), "tenant/acc-1", making("another"))
	require.NoError(t, err)
	assert.Equal(t, canary, sealed.Reveal())
}

func TestWhatTheServiceAnswers(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	v := s.open(t)
	s.Deny()
	_, _, err := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.ErrorContains(t, err, "403 Forbidden (ForbiddenByRbac)")
	require.ErrorContains(t, err, "Key Vault Secrets Officer")
	s.Throttle()
	_, _, err = v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	assert.Equal(t, 10*time.Second, fault.RetryAfter(err))
	s.Fail(keyvaultfake.Broken)
	_, _, err = v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
}

// No token goes to a service whose challenge names another domain.
func TestAForeignChallenge(t *testing.T) {
	s := serve(t, keyvaultfake.Options{Resource: "https://vault.example.com"})
	_, _, err := s.open(t).SealOnce(t.Context(), "tenant/acc-1", making(canary))
	require.ErrorContains(t, err, "doesn't match the requested domain")
	assert.Empty(t, s.Asked())
}

func TestOpenRefuses(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	for _, bad := range []string{"", "usher", "http://a.vault.azure.net", "https://", "https://a/secrets", "https://u:p@a", "https://a?b", "https://a#b"} {
		_, err := keyvault.Open(bad, s.options())
		require.ErrorContains(t, err, "is not the address of a Key Vault", bad)
	}
	_, err := keyvault.Open(keyvaultfake.URL, keyvault.Options{})
	require.ErrorContains(t, err, "AZURE_CLIENT_ID")
}

// broken is a credential that cannot sign in.
type broken struct{ err error }

func (b broken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, b.err
}

// What the sign-in says about itself is kept.
func TestSignInFails(t *testing.T) {
	s := serve(t, keyvaultfake.Options{})
	o := s.options()
	for want, err := range map[fault.Class]error{
		fault.Permanent: fault.Stopf(fault.CredentialInvalid, "the certificate has expired"),
		fault.Transient: errors.New("no answer"),
	} {
		o.Credential = one(broken{err})
		v, openErr := keyvault.Open(keyvaultfake.URL, o)
		require.NoError(t, openErr)
		_, _, got := v.SealOnce(t.Context(), "tenant/acc-1", making(canary))
		require.ErrorIs(t, got, err)
		assert.Equal(t, want, fault.ClassOf(got))
	}
}
