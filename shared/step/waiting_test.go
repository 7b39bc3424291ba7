package step_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/step"
)

func TestACauseMayHaveAPatienceOfItsOwn(t *testing.T) {
	p := step.Policy{Patience: time.Minute, Waits: map[fault.Code]step.Waiting{fault.EntraConnectNotSynced: step.EntraConnect}}
	decide := func(code fault.Code, waited time.Duration) step.Decision {
		return step.Decide(fault.NotReadyf(code, "not yet"), "tid", events.Command{FirstSeen: t0}, p, t0.Add(waited), 0)
	}
	for waited, pause := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 20 * time.Second: 10 * time.Second, 2 * time.Minute: time.Minute, 30 * time.Minute: 150 * time.Second, 3 * time.Hour: 5 * time.Minute, 24*time.Hour - time.Second: time.Second,
	} {
		d := decide(fault.EntraConnectNotSynced, waited)
		assert.Equal(t, step.WaitMore, d.Verdict)
		assert.Equal(t, t0.Add(waited+pause), d.At, waited)
	}
	assert.Equal(t, step.GiveUp, decide(fault.EntraConnectNotSynced, 24*time.Hour).Verdict)
	assert.Equal(t, step.GiveUp, decide(fault.UserNotReadable, time.Minute).Verdict, "the other causes have the function's")
}
