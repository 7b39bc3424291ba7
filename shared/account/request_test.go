package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/account"
)

func TestStateIsComputedFromTheSteps(t *testing.T) {
	const parked = "a person has to look"
	for name, tt := range map[string]struct {
		request account.Request
		steps   []account.StepState
		want    account.State
	}{
		"Refused":                 {account.Request{Refused: "no"}, nil, account.Refused},
		"NothingBegan":            {account.Request{}, []account.StepState{account.StepPending}, account.Accepted},
		"Running":                 {account.Request{}, []account.StepState{account.StepDone, account.StepPending}, account.Running},
		"Waiting":                 {account.Request{}, []account.StepState{account.StepDone, account.StepWaiting}, account.Waits},
		"Done":                    {account.Request{}, []account.StepState{account.StepDone, account.StepSkipped}, account.Succeeded},
		"Failed":                  {account.Request{}, []account.StepState{account.StepFailed, account.StepDone}, account.Failed},
		"Compensating":            {account.Request{}, []account.StepState{account.StepFailed, account.StepPending}, account.Undoing},
		"Parked":                  {account.Request{Parked: parked}, []account.StepState{account.StepDone, account.StepPending}, account.Parked},
		"ParkedAfterAFailure":     {account.Request{Parked: parked}, []account.StepState{account.StepFailed, account.StepPending}, account.Parked},
		"FailedWhileParked":       {account.Request{Parked: parked}, []account.StepState{account.StepFailed, account.StepSkipped}, account.Failed},
		"Approved":                {account.Request{Parked: parked, ApprovedAt: time.Unix(1, 0)}, []account.StepState{account.StepPending}, account.Accepted},
		"Overtaken":               {account.Request{Cancelled: "offboarded"}, []account.StepState{account.StepPending}, account.Cancelled},
		"OvertakenAfterAFailure":  {account.Request{Cancelled: "offboarded"}, []account.StepState{account.StepFailed, account.StepPending}, account.Undoing},
		"OvertakenWhileItWaited":  {account.Request{Cancelled: "offboarded"}, []account.StepState{account.StepWaiting}, account.Cancelled},
		"OvertakenWhileItsParked": {account.Request{Cancelled: "offboarded", Parked: parked}, []account.StepState{account.StepPending}, account.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range tt.steps {
				tt.request.Steps = append(tt.request.Steps, account.Step{State: s})
			}
			assert.Equal(t, tt.want, account.StateOf(tt.request))
		})
	}
}
