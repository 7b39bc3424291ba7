package console_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

// outlook finds one thing about every account.
type outlook struct{}

func (outlook) OfDocument(_ context.Context, document []byte) (console.FitnessReport, error) {
	if string(document) == "{}" {
		return console.FitnessReport{}, fault.Stopf(fault.RequestInvalid, "schema is missing")
	}
	return console.FitnessReport{Mode: "warn"}, nil
}

func (outlook) OfAccount(_ context.Context, a account.Account) (console.FitnessReport, error) {
	return console.FitnessReport{UserPrincipalName: a.UserPrincipalName, Mode: "park", Fitness: account.Fitness{Findings: []account.Finding{{Code: "security-defaults"}}}}, nil
}

func TestFitness(t *testing.T) {
	a := newAPI(t)
	assert.Equal(t, 404, a.call("POST", "/api/fitness", `{"a":1}`, nil), "this process calls no tenant")
	assert.Equal(t, 404, a.call("GET", "/api/accounts/ac-1/fitness", "", nil))
	a.options.Fitness = outlook{}
	var report console.FitnessReport
	require.Equal(t, 200, a.call("POST", "/api/fitness", `{"a":1}`, &report))
	assert.Equal(t, "warn", report.Mode)
	require.Equal(t, 200, a.call("GET", "/api/accounts/ac-1/fitness", "", &report))
	assert.Equal(t, "security-defaults", report.Findings[0].Code)
	assert.NotEmpty(t, report.UserPrincipalName)
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
	}{
		"no document":        {"POST", "/api/fitness", "", 400},
		"a refused document": {"POST", "/api/fitness", "{}", 400},
		"a large document":   {"POST", "/api/fitness", strings.Repeat("x", 70_000), 413},
		"no such account":    {"GET", "/api/accounts/nobody/fitness", "", 404},
		"a connection":       {"GET", "/api/accounts/ac-4/fitness", "", 400},
		"another method":     {"DELETE", "/api/fitness", "", 405},
	} {
		assert.Equal(t, tt.status, a.call(tt.method, tt.path, tt.body, nil), name)
	}
}
