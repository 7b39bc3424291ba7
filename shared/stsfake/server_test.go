package stsfake_test

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/stsfake"
)

const (
	role      = "arn:aws:iam::123456789012:role/usher"
	accessKey = "ASIAEXAMPLE"
)

func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func serve(t *testing.T) (*stsfake.Server, *httptest.Server) {
	t.Helper()
	s := stsfake.New(stsfake.Options{Now: now, NewID: func() string { return "id" }})
	s.SetRole(accessKey, stsfake.Role{ARN: role})
	l := httptest.NewServer(s)
	t.Cleanup(l.Close)
	return s, l
}

// client is the real one; nothing of the machine's configuration is read.
func client(url, region, key string) *sts.Client {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret", SessionToken: "session"}, nil
	})
	return sts.New(sts.Options{Region: region, BaseEndpoint: &url, Credentials: credentials, Retryer: aws.NopRetryer{}})
}

func input(edit ...func(*sts.GetWebIdentityTokenInput)) *sts.GetWebIdentityTokenInput {
	in := &sts.GetWebIdentityTokenInput{Audience: []string{"api://AzureADTokenExchange"}, SigningAlgorithm: aws.String("RS256")}
	for _, e := range edit {
		e(in)
	}
	return in
}

func TestTheRealClientGetsAToken(t *testing.T) {
	s, l := serve(t)
	out, err := client(l.URL, "eu-west-1", accessKey).GetWebIdentityToken(t.Context(), input(func(in *sts.GetWebIdentityTokenInput) {
		in.Tags = []types.Tag{{Key: aws.String("purpose"), Value: aws.String("test")}}
	}))
	require.NoError(t, err)
	assert.Equal(t, now().Add(5*time.Minute), *out.Expiration)

	claims := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(*out.WebIdentityToken, claims, func(token *jwt.Token) (any, error) { return published(t, l.URL, token.Header["kid"]), nil },
		jwt.WithTimeFunc(now), jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience("api://AzureADTokenExchange"), jwt.WithIssuer(s.Issuer()), jwt.WithSubject(role))
	require.NoError(t, err)
	assert.InDelta(t, now().Add(5*time.Minute).Unix(), claims["exp"], 0)
	aws := claims["https://sts.amazonaws.com/"].(map[string]any)
	assert.Equal(t, "123456789012", aws["aws_account"])
	assert.Equal(t, map[string]any{"purpose": "test"}, aws["request_tags"])
	require.Len(t, s.Calls(), 1)
	assert.Equal(t, stsfake.Call{Time: now(), Role: role, Audiences: []string{"api://AzureADTokenExchange"}, Algorithm: "RS256", Seconds: 300}, s.Calls()[0])
}

// published reads the key as any OpenID Connect client would.
func published(t *testing.T, url string, keyID any) *rsa.PublicKey {
	t.Helper()
	var doc struct{ Issuer, Jwks_uri string }
	read(t, url+"/.well-known/openid-configuration", &doc)
	require.Equal(t, stsfake.DefaultIssuer, doc.Issuer)
	var set struct{ Keys []struct{ Kid, N, E string } }
	read(t, strings.Replace(doc.Jwks_uri, doc.Issuer, url, 1), &set)
	require.Len(t, set.Keys, 1)
	require.Equal(t, keyID, set.Keys[0].Kid)
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	require.NoError(t, err)
	e, err := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	require.NoError(t, err)
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
}

func read(t *testing.T, url string, into any) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name        string
		region, key string
		set         func(*stsfake.Server)
		edit        func(*sts.GetWebIdentityTokenInput)
		code        string
	}{
		{name: "federation disabled", set: func(s *stsfake.Server) { s.SetEnabled(false) }, code: "OutboundWebIdentityFederationDisabledException"},
		{name: "session ends before", set: func(s *stsfake.Server) {
			s.SetRole(accessKey, stsfake.Role{ARN: role, SessionEnds: now().Add(time.Minute)})
		}, code: "SessionDurationEscalationException"},
		{name: "too many tags", edit: func(in *sts.GetWebIdentityTokenInput) {
			in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String(strings.Repeat("v", 9000))}}
		}, code: "JWTPayloadSizeExceededException"},
		{name: "no audience", edit: func(in *sts.GetWebIdentityTokenInput) { in.Audience = []string{} }, code: "ValidationError"},
		{name: "algorithm", edit: func(in *sts.GetWebIdentityTokenInput) { in.SigningAlgorithm = aws.String("HS256") }, code: "ValidationError"},
		{name: "too short", edit: func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(59) }, code: "ValidationError"},
		{name: "too long", edit: func(in *sts.GetWebIdentityTokenInput) { in.DurationSeconds = aws.Int32(3601) }, code: "ValidationError"},
		{name: "other region", region: "us-east-1", code: "SignatureDoesNotMatch"},
		{name: "stranger", key: "ASIASTRANGER", code: "InvalidClientTokenId"},
		{name: "throttled", set: func(s *stsfake.Server) {
			s.Fail(1, stsfake.Failure{Status: 400, Code: "Throttling", Message: "Rate exceeded"})
		}, code: "Throttling"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, l := serve(t)
			region, key := "eu-west-1", accessKey
			if tt.region != "" {
				region = tt.region
			}
			if tt.key != "" {
				key = tt.key
			}
			in := input()
			if tt.set != nil {
				tt.set(s)
			}
			if tt.edit != nil {
				tt.edit(in)
			}
			_, err := client(l.URL, region, key).GetWebIdentityToken(t.Context(), in)
			var answered smithy.APIError
			require.ErrorAs(t, err, &answered)
			assert.Equal(t, tt.code, answered.ErrorCode())
			require.Len(t, s.Calls(), 1)
			assert.Equal(t, tt.code, s.Calls()[0].Code)
		})
	}
}

func TestLostConnections(t *testing.T) {
	s, l := serve(t)
	s.Fail(2, stsfake.Failure{})
	_, err := client(l.URL, "eu-west-1", accessKey).GetWebIdentityToken(t.Context(), input())
	require.Error(t, err)
	direct := sts.New(sts.Options{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s.Transport()}, Retryer: aws.NopRetryer{},
		Credentials: client(l.URL, "eu-west-1", accessKey).Options().Credentials})
	_, err = direct.GetWebIdentityToken(t.Context(), input())
	require.ErrorContains(t, err, "connection reset")
	_, err = direct.GetWebIdentityToken(t.Context(), input())
	require.NoError(t, err)
}

func TestUnsignedAndOddRequests(t *testing.T) {
	_, l := serve(t)
	signed := "AWS4-HMAC-SHA256 Credential=" + accessKey + "/20261121/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0"
	for name, tt := range map[string]struct{ authorization, body, code string }{
		"unsigned":      {"", "Action=GetWebIdentityToken", "MissingAuthenticationToken"},
		"half signed":   {"AWS4-HMAC-SHA256 Credential=x", "", "IncompleteSignature"},
		"other service": {strings.Replace(signed, "/sts/", "/s3/", 1), "", "SignatureDoesNotMatch"},
		"other action":  {signed, "Action=AssumeRole&Version=2011-06-15", "InvalidAction"},
		"not a form":    {signed, "%zz", "MalformedQueryString"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, l.URL, strings.NewReader(tt.body))
			require.NoError(t, err)
			req.Header.Set("Authorization", tt.authorization)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			var buf strings.Builder
			require.NoError(t, resp.Write(&buf))
			assert.Contains(t, buf.String(), "<Code>"+tt.code+"</Code>")
		})
	}
	resp, err := http.Get(l.URL + "/elsewhere")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}
