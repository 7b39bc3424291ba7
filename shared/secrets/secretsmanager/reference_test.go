package secretsmanager_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/secrets/secretsmanager"
	"github.com/usher365/usher/shared/secretsmanagerfake"
)

func TestParseReference(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!cluster-"
	for ref, want := range map[string]secretsmanager.Reference{
		"aws-secretsmanager:hook":                {ID: "hook"},
		"aws-secretsmanager:usher/prod/hook":     {ID: "usher/prod/hook"},
		"aws-secretsmanager:usher/db#url":        {ID: "usher/db", Field: "url"},
		"aws-secretsmanager:a#b#c":               {ID: "a", Field: "b#c"},
		"aws-secretsmanager:" + arn + "1-aBc#pw": {ID: arn + "1-aBc", Region: "us-east-1", Field: "pw"},
		"aws-secretsmanager:arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-123456": {
			ID: "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-123456", Region: "us-gov-west-1"},
	} {
		got, err := secretsmanager.ParseReference(ref)
		require.NoError(t, err, ref)
		assert.Equal(t, want, got)
		assert.Equal(t, ref, written(got))
	}
	for _, bad := range []string{"", "hook", "aws-secretsmanager:", "aws-secretsmanager:#a", "aws-secretsmanager:a#", "aws-secretsmanager:a b",
		"aws-secretsmanager:arn:aws:s3:us-east-1:123456789012:secret:a", "aws-secretsmanager:arn:aws:secretsmanager::123456789012:secret:a",
		"aws-secretsmanager:a:b", "AWS-SECRETSMANAGER:a", "aws-secretsmanager:a\n", "aws-secretsmanager:" + strings.Repeat("a", 513)} {
		_, err := secretsmanager.ParseReference(bad)
		require.Error(t, err, bad)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
}

// written gives the reference as ParseReference takes it.
func written(r secretsmanager.Reference) string {
	if r.Field != "" {
		return secretsmanager.Scheme + r.ID + "#" + r.Field
	}
	return secretsmanager.Scheme + r.ID
}

func FuzzParseReference(f *testing.F) {
	for _, ref := range []string{"aws-secretsmanager:a", "aws-secretsmanager:a#b", "aws-secretsmanager:arn:aws:secretsmanager:us-east-1:123456789012:secret:a-123456#b#", "azure-keyvault:x"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		r, err := secretsmanager.ParseReference(ref)
		if err == nil && written(r) != ref {
			t.Fatalf("%q was read as %+v", ref, r)
		}
	})
}

func TestResolve(t *testing.T) {
	s := serve(t)
	r := secretsmanager.NewResolver(s.options())
	s.Add("hook", canary)
	arn := s.Add("db", `{"username": "usher", "password": "`+canary+`", "port": 5432, "empty": "", "none": null, "deep": {}}`)
	for ref, want := range map[string]string{
		"aws-secretsmanager:hook":                canary,
		"aws-secretsmanager:db#username":         "usher",
		"aws-secretsmanager:" + arn + "#port":    "5432",
		"aws-secretsmanager:" + arn[:len(arn)-7]: `{"username": "usher", "password": "` + canary + `", "port": 5432, "empty": "", "none": null, "deep": {}}`,
	} {
		got, err := r.Resolve(t.Context(), ref)
		require.NoError(t, err, ref)
		assert.Equal(t, want, got.Reveal())
	}
	s.AddBinary("binary", []byte(canary))
	s.Add("trailing", `{"a": "`+canary+`"} `+canary)
	for ref, want := range map[string]string{
		"aws-secretsmanager:none":       "ResourceNotFoundException",
		"aws-secretsmanager:binary":     "holds no text",
		"aws-secretsmanager:hook#a":     "is not a JSON object",
		"aws-secretsmanager:trailing#a": "is not a JSON object",
		"aws-secretsmanager:db#Url":     `no text in a field "Url"`,
		"aws-secretsmanager:db#empty":   "no text in a field",
		"aws-secretsmanager:db#none":    "no text in a field",
		"aws-secretsmanager:db#deep":    "no text in a field",
		"aws-secretsmanager:" + strings.Replace(arn, "eu-central-1", "us-east-1", 1): "ResourceNotFoundException",
		"env:A": "is not aws-secretsmanager:",
	} {
		_, err := r.Resolve(t.Context(), ref)
		require.ErrorContains(t, err, want, ref)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err), ref)
		assert.NotContains(t, err.Error(), canary)
	}
	s.Fail(secretsmanagerfake.Throttled)
	_, err := r.Resolve(t.Context(), "aws-secretsmanager:hook")
	assert.Equal(t, fault.Transient, fault.ClassOf(err))
}

// A resolver may try again in place, for a start is not repeated by a queue.
func TestResolveTriesAgain(t *testing.T) {
	s := serve(t)
	s.Add("hook", canary)
	s.Fail(secretsmanagerfake.Broken)
	o := s.options()
	o.Attempts = 2
	_, err := secretsmanager.NewResolver(o).Resolve(t.Context(), "aws-secretsmanager:hook")
	require.ErrorContains(t, err, "InternalServiceError")
	assert.Len(t, s.Calls(), 2)
}
