package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/fault"
)

func TestClassAndCodeSurviveWrapping(t *testing.T) {
	cause := errors.New("cause")
	for name, tt := range map[string]struct {
		err   error
		class fault.Class
		code  fault.Code
		after time.Duration
	}{
		"nobody classified it": {cause, fault.Transient, fault.Unexpected, 0},
		"waiting":              {fault.NotReady(fault.AccountBusy, cause), fault.Waiting, fault.AccountBusy, 0},
		"permanent":            {fault.Stop(fault.NameTaken, cause), fault.Permanent, fault.NameTaken, 0},
		"transient":            {fault.Retry(fault.Throttled, time.Minute, cause), fault.Transient, fault.Throttled, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			wrapped := fmt.Errorf("while doing: %w", tt.err)
			assert.Equal(t, tt.class, fault.ClassOf(wrapped))
			assert.Equal(t, tt.code, fault.CodeOf(wrapped))
			assert.Equal(t, tt.after, fault.RetryAfter(wrapped))
			assert.ErrorIs(t, wrapped, cause)
		})
	}
	assert.Empty(t, fault.CodeOf(nil))
	assert.False(t, fault.Is(nil, fault.NameTaken))
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, " 10 ": 10 * time.Second, "999999999": time.Hour,
		"Sat, 21 Nov 2026 09:00:30 GMT": 30 * time.Second, "Sat, 21 Nov 2026 08:00:00 GMT": 0, "Sun, 22 Nov 2026 09:00:00 GMT": time.Hour,
	} {
		assert.Equal(t, want, fault.ParseRetryAfter(value, now), "%q", value)
	}
}
