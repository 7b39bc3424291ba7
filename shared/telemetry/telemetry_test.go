package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/step"
	"github.com/usher365/usher/shared/telemetry"
)

var now = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

func waiting() step.Line {
	return step.Line{
		Function: "grantrolegroup", Request: "req-7", Tenant: "contoso", Account: "sam360@contoso.onmicrosoft.com", Step: "grantrolegroup-1",
		Attempt: 4, Deliveries: 1, Waited: 25*time.Minute + 1234567*time.Microsecond, Outcome: step.OutcomeWaiting,
		FaultCode: "exchange-not-replicated", Fault: "not there\nyet", NextTry: now.Add(time.Minute), Duration: 250 * time.Millisecond,
	}
}

func TestOneLineForMachines(t *testing.T) {
	var out bytes.Buffer
	telemetry.Deliveries(telemetry.NewLogger(&out, telemetry.LogOptions{JSON: true}), nil)(t.Context(), waiting())
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	delete(line, "time")
	assert.Equal(t, map[string]any{
		"level": "INFO", "msg": "delivery", "request": "req-7", "tenant": "contoso", "account": "sam360@contoso.onmicrosoft.com",
		"function": "grantrolegroup", "step": "grantrolegroup-1", "attempt": 4.0, "waited": 1501.235, "outcome": "waiting",
		"fault_code": "exchange-not-replicated", "fault": "not there\nyet", "duration": 0.25, "next_try": "2026-11-21T20:01:00Z",
	}, line)
}

func TestOneLineForPeople(t *testing.T) {
	var out bytes.Buffer
	l := waiting()
	l.FaultCode, l.Fault, l.Outcome = "", "", step.OutcomeDone
	telemetry.Deliveries(telemetry.NewLogger(&out, telemetry.LogOptions{}), nil)(t.Context(), l)
	assert.Contains(t, out.String(), "waited=25m1.235s outcome=done duration=250ms")
	assert.NotContains(t, out.String(), "fault")
}

func TestLevels(t *testing.T) {
	for outcome, want := range map[string]string{"done": "INFO", "waiting": "INFO", "skipped": "INFO", "retrying": "WARN", "abandoned": "WARN", "failed": "ERROR"} {
		var out bytes.Buffer
		telemetry.Deliveries(telemetry.NewLogger(&out, telemetry.LogOptions{}), nil)(t.Context(), step.Line{Outcome: outcome})
		assert.Contains(t, out.String(), "level="+want, outcome)
	}
	var out bytes.Buffer
	telemetry.Deliveries(telemetry.NewLogger(&out, telemetry.LogOptions{Level: slog.LevelError}), nil)(t.Context(), step.Line{Outcome: "done"})
	assert.Empty(t, out.String())
}

func TestNoSecretIsWritten(t *testing.T) {
	const canary = "canary-Passw0rd"
	for _, asJSON := range []bool{true, false} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, telemetry.LogOptions{JSON: asJSON, Level: slog.LevelDebug})
		secret := account.NewSecret(canary)
		log.Info("a secret", "secret", secret, "user", account.NewUser{Password: secret}, slog.Group("in", "secret", secret), "all", []account.Secret{secret})
		assert.NotContains(t, out.String(), canary)
		assert.Contains(t, out.String(), "[redacted]")
	}
}
