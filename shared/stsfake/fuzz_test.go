package stsfake_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/stsfake"
)

func FuzzServe(f *testing.F) {
	s := stsfake.New(stsfake.Options{Now: now})
	s.SetRole(accessKey, stsfake.Role{ARN: role})
	const signed = "AWS4-HMAC-SHA256 Credential=" + accessKey + "/20261121/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0"
	f.Add(signed, "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=60")
	f.Add(signed, "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&Tags.member.1.Key=k")
	f.Add("AWS4-HMAC-SHA256 =,=/", "%")
	f.Fuzz(func(t *testing.T, authorization, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		require.Contains(t, []int{200, 400, 403}, rec.Code)
		require.Contains(t, rec.Body.String(), "RequestId>")
	})
}
