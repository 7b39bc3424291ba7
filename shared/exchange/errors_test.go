package exchange_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/exchange"
	"github.com/usher365/usher/shared/fault"
)

// ambiguous is a body recorded from the real service.
const ambiguous = `{"error":{"code":"BadRequest","message":"Invalid Operation","details":[{"code":"Client","target":"","message":"|Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException|Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. BogusParameter"}],"innererror":{"message":"Invalid Operation","type":"Microsoft.Exchange.Admin.OData.Core.ODataServiceException","stacktrace":"","internalexception":{"message":"Parameter set cannot be resolved using the specified named parameters. Invalid cmdlet parameters specified. BogusParameter","type":"Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException","stacktrace":""}}}}`

func TestClassification(t *testing.T) {
	const transient, permanent = fault.Transient, fault.Permanent
	for _, tc := range []struct {
		name   string
		answer answer
		code   fault.Code
		class  fault.Class
		text   string
	}{
		{"no app role", answer{status: 401}, fault.ExchangeAccessMissing, permanent, "Exchange.ManageAsApp"},
		{"older 401", answer{status: 401, body: `{"error":{"code":"Unauthorized","message":"User is not allowed to call Get-Mailbox"}}`}, fault.ExchangeAccessMissing, permanent, "not allowed to call"},
		{"no directory role, NUL bytes", answer{status: 403, body: strings.Repeat("\x00", 4096)}, fault.ExchangeAccessMissing, permanent, "Exchange Administrator"},
		{"no directory role, empty", answer{status: 403}, fault.ExchangeAccessMissing, permanent, "Exchange Administrator"},
		{"no directory role, HTML", answer{status: 403, body: "<html>"}, fault.ExchangeAccessMissing, permanent, "Exchange Administrator"},
		{"cmdlet not in the role", exception(400, "X.CommandNotFoundException", "Get-RoleGroup is not present in the role definition of the current user"), fault.ExchangeAccessMissing, permanent, "Exchange Administrator"},
		{"role not supported", answer{status: 400, body: "The role assigned to application 0000 isn't supported in this scenario. Please check"}, fault.ExchangeAccessMissing, permanent, "Exchange Administrator"},
		{"bad parameter", answer{status: 400, body: ambiguous}, fault.ExchangeRequestRejected, permanent, "BogusParameter"},
		{"bad value", exception(400, "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException", "allowed: a, b"), fault.ExchangeRequestRejected, permanent, "allowed: a, b"},
		{"too many at once", answer{status: 400, body: "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"}, fault.Throttled, transient, "at once"},
		{"throttled", answer{status: 429, header: http.Header{"Retry-After": {"9"}}}, fault.Throttled, transient, "429"},
		{"request time-out", answer{status: 408}, fault.ServiceUnavailable, transient, "408"},
		{"unavailable", answer{status: 503}, fault.ServiceUnavailable, transient, "503"},
		{"gateway time-out", answer{status: 504, body: "<html>"}, fault.ServiceUnavailable, transient, "504"},
		{"Entra write failed", answer{status: 500, header: http.Header{"X-Exceptiontype": {"UnableToWriteToAadException"}}}, fault.ServiceUnavailable, transient, "Entra"},
		{"may be transient", exception(400, "X.Y", "this issue may be transient"), fault.ServiceUnavailable, transient, "may pass"},
		{"unknown exception", exception(400, "Microsoft.Exchange.NewException", "moon phase"), fault.ExchangeRequestRejected, transient, "NewException"},
		{"unknown 500", answer{status: 500, body: "{}"}, fault.ServiceUnavailable, transient, "500"},
		{"redirect", answer{status: 302}, fault.AnswerNotUnderstood, transient, "endpoint"},
		{"connection lost", answer{err: errors.New("connection reset")}, fault.Unreachable, transient, "connection reset"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := client(t, newService().on("Get-RoleGroup", tc.answer)).Reach(t.Context(), tenant)
			require.Error(t, err)
			assert.Equal(t, tc.code, fault.CodeOf(err), "%v", err)
			assert.Equal(t, tc.class, fault.ClassOf(err))
			assert.Contains(t, err.Error(), tc.text)
			assert.NotContains(t, err.Error(), "\x00")
			assert.NotContains(t, err.Error(), "token-")
		})
	}
}

func TestRetryAfterClosesTheTenantOnly(t *testing.T) {
	s := newService().on("Get-RoleGroup", answer{status: 429, header: http.Header{"Retry-After": {"9"}, "Request-Id": {"r-1"}}})
	c := client(t, s)
	err := c.Reach(t.Context(), tenant)
	assert.Equal(t, 9*time.Second, fault.RetryAfter(err))
	assert.Contains(t, err.Error(), "r-1")

	err = c.Reach(t.Context(), tenant)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err), "our own pause is not a failure")
	assert.Equal(t, 9*time.Second, fault.RetryAfter(err))
	assert.Len(t, s.calls, 1)

	_ = c.Reach(t.Context(), "another-tenant")
	assert.Len(t, s.calls, 2)
}

func TestPaging(t *testing.T) {
	const here = "https://outlook.office365.com/adminapi/beta/" + string(tenant) + "/InvokeCommand?%24skiptoken=A"
	first := answer{status: 200, body: `{"@odata.nextLink":"` + here + `","value":[{"Name":"a"}]}`}
	for _, tc := range []struct {
		name  string
		pages []answer
		code  fault.Code
	}{
		{"followed", []answer{first, ok(`[{"Name":"b"}]`)}, ""},
		{"cursor expired", []answer{first, {status: 400, body: `{"error":{"code":"BadRequest","message":"Expired or Invalid pagination request. Default Expiry time is 00:30:00"}}`}}, fault.ExchangeIncomplete},
		{"throttled half way", []answer{first, {status: 429}}, fault.Throttled},
		{"another host", []answer{{status: 200, body: `{"@odata.nextLink":"https://evil.example/x","value":[]}`}}, fault.ExchangeIncomplete},
		{"without TLS", []answer{{status: 200, body: `{"@odata.nextLink":"http://outlook.office365.com/x"}`}}, fault.ExchangeIncomplete},
		{"in circles", []answer{first, first}, fault.ExchangeIncomplete},
		{"half way no JSON", []answer{first, {status: 200, body: "x"}}, fault.AnswerNotUnderstood},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newService().withGroup().on("Get-RoleGroupMember", tc.pages...)
			members, err := client(t, s).RoleGroupMembers(t.Context(), tenant, viewOnly)
			assert.Equal(t, tc.code, fault.CodeOf(err), "%v", err)
			if err != nil {
				assert.Equal(t, fault.Transient, fault.ClassOf(err))
				return
			}
			assert.Len(t, members, 2)
			assert.Equal(t, s.bodies[1], s.bodies[2], "the same body goes to the next page")
			assert.Equal(t, here, s.calls[2].URL.String())
			s.calls[1].Header.Del("client-request-id")
			s.calls[2].Header.Del("client-request-id")
			s.calls[1].Header.Del("Authorization")
			s.calls[2].Header.Del("Authorization")
			assert.Equal(t, s.calls[1].Header, s.calls[2].Header)
		})
	}
}

func TestANewCredentialAfterARefusal(t *testing.T) {
	now := time.Date(2026, 2, 20, 7, 0, 0, 0, time.UTC)
	s := newService().on("Get-RoleGroup", ok(`[]`), answer{status: 403}, ok(`[]`), answer{status: 403})
	made := 0
	c := client(t, s, func(o *exchange.Options) {
		o.Now = func() time.Time { return now }
		o.Credential = func(account.TenantID) (azcore.TokenCredential, error) { made++; return s, nil }
	})
	require.NoError(t, c.Reach(t.Context(), tenant))
	now = now.Add(time.Hour)
	require.NoError(t, c.Reach(t.Context(), tenant), "refused with the old token, accepted with a new one")
	assert.Equal(t, 2, made)

	calls := len(s.calls)
	require.True(t, fault.Is(c.Reach(t.Context(), tenant), fault.ExchangeAccessMissing))
	assert.Len(t, s.calls, calls+1, "a credential of this minute is not replaced")
}

type brokenCredential struct{ err error }

func (b brokenCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, b.err
}

func TestSignInFailures(t *testing.T) {
	s := newService()
	c := client(t, s, func(o *exchange.Options) {
		o.Credential = func(account.TenantID) (azcore.TokenCredential, error) {
			return brokenCredential{errors.New("dial tcp: refused")}, nil
		}
	})
	assert.True(t, fault.Is(c.Reach(t.Context(), tenant), fault.Unreachable))

	c = client(t, s, func(o *exchange.Options) {
		o.Credential = func(account.TenantID) (azcore.TokenCredential, error) { return nil, errors.New("no certificate file") }
	})
	err := c.Reach(t.Context(), tenant)
	assert.True(t, fault.Is(err, fault.CredentialInvalid))
	assert.Contains(t, err.Error(), "no certificate file")
	assert.Empty(t, s.calls)
}

func TestNewChecksItsOptions(t *testing.T) {
	s := newService()
	for _, endpoint := range []string{"http://outlook.office365.com", "outlook.office365.com", "https://", "https://u:p@host", ":"} {
		_, err := exchange.New(exchange.Options{Credential: s.credential, Endpoint: endpoint})
		require.Error(t, err, endpoint)
	}
	_, err := exchange.New(exchange.Options{})
	require.Error(t, err)
	_, err = exchange.New(exchange.Options{Credential: s.credential})
	require.NoError(t, err)
}
