package signin_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/signin"
)

func failed(status int, body string, header http.Header) error {
	return fmt.Errorf("get token: %w", &azidentity.AuthenticationFailedError{RawResponse: &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
	}})
}

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		code   fault.Code
		class  fault.Class
		text   string
	}{
		{"wrong secret", 401, `{"error":"invalid_client","error_codes":[7000215],"error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"}`, fault.CredentialInvalid, fault.Permanent, "AADSTS7000215"},
		{"expired secret", 401, `{"error":"invalid_client","error_codes":[7000222]}`, fault.CredentialInvalid, fault.Permanent, "expired"},
		{"assertion after rotation", 401, `{"error":"invalid_client","error_codes":[700027]}`, fault.CredentialInvalid, fault.Transient, "certificate"},
		{"application unknown", 400, `{"error":"unauthorized_client","error_codes":[700016]}`, fault.ConsentMissing, fault.Permanent, "admin consent"},
		{"application disabled", 400, `{"error":"unauthorized_client","error_codes":[7000112]}`, fault.ConsentMissing, fault.Permanent, "enable it"},
		{"consent required", 400, `{"error":"invalid_grant","suberror":"consent_required"}`, fault.ConsentMissing, fault.Permanent, "consent"},
		{"tenant unknown", 400, `{"error":"invalid_request","error_codes":[90002]}`, fault.TenantNotFound, fault.Permanent, "tenant id"},
		{"tenant unknown at discovery", 400, `{"error":"invalid_tenant"}`, fault.TenantNotFound, fault.Permanent, "tenant id"},
		{"other cloud", 400, `{"error":"invalid_request","error_codes":[90038]}`, fault.TenantNotFound, fault.Permanent, "cloud"},
		{"no such resource", 400, `{"error":"invalid_resource","error_codes":[500011]}`, fault.ConsentMissing, fault.Permanent, "subscribed"},
		{"conditional access", 400, `{"error":"access_denied","error_codes":[53003]}`, fault.CredentialInvalid, fault.Permanent, "policy"},
		{"bad scope", 400, `{"error":"invalid_scope","error_codes":[70011]}`, fault.CredentialInvalid, fault.Permanent, "endpoints"},
		{"busy", 400, `{"error":"temporarily_unavailable"}`, fault.ServiceUnavailable, fault.Transient, "not available"},
		{"unavailable", 503, `oops`, fault.ServiceUnavailable, fault.Transient, "503"},
		{"throttled", 429, ``, fault.Throttled, fault.Transient, "pause"},
		{"not the token endpoint", 404, `<html>`, fault.AnswerNotUnderstood, fault.Transient, "login endpoint"},
		{"new word", 400, `{"error":"invalid_moon"}`, fault.Unexpected, fault.Transient, "invalid_moon"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := signin.Classify(failed(tc.status, tc.body, nil))
			assert.Equal(t, tc.code, fault.CodeOf(err))
			assert.Equal(t, tc.class, fault.ClassOf(err))
			assert.Contains(t, err.Error(), tc.text)
			assert.NotContains(t, err.Error(), "Trace ID")
		})
	}
}

func TestClassifyOtherErrors(t *testing.T) {
	require.NoError(t, signin.Classify(nil))

	ours := fault.Stop(fault.UnknownTenant, errors.New("no"))
	assert.Equal(t, ours, signin.Classify(ours))

	err := signin.Classify(errors.New("ClientSecretCredential: dial tcp: connection refused"))
	assert.True(t, fault.Is(err, fault.Unreachable))
	assert.Equal(t, fault.Transient, fault.ClassOf(err))

	err = signin.Classify(&azidentity.AuthenticationFailedError{})
	assert.True(t, fault.Is(err, fault.Unreachable), "no answer at all")

	err = signin.Classify(azidentity.NewCredentialUnavailableError("no environment"))
	assert.True(t, fault.Is(err, fault.CredentialInvalid))
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
}

func TestClassifyHonoursRetryAfter(t *testing.T) {
	err := signin.Classify(failed(429, "", http.Header{"Retry-After": {"17"}}))
	assert.Equal(t, 17*time.Second, fault.RetryAfter(err))
}

func FuzzClassify(f *testing.F) {
	f.Add(401, `{"error":"invalid_client","error_codes":[7000215]}`)
	f.Add(400, `{"error":1}`)
	f.Add(503, "\x00\x00")
	f.Fuzz(func(t *testing.T, status int, body string) {
		err := signin.Classify(failed(status, body, nil))
		require.Error(t, err)
		require.NotEmpty(t, fault.CodeOf(err))
		require.Less(t, len(err.Error()), 3*len(body)+2000)
	})
}
