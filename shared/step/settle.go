package step

import (
	"encoding/json"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
)

// settle turns a decision into the queue's outcome, and notes it on the line.
func (l *Line) settle(cmd events.Command, d Decision, err error) queue.Outcome {
	l.FaultCode = string(d.Code)
	if err != nil {
		l.Fault = err.Error()
	}
	cmd.Failures = d.Failures
	switch d.Verdict {
	case Finish:
		l.Outcome = OutcomeDone
		return queue.Done()
	case WaitMore:
		l.Outcome = OutcomeWaiting
		return l.next(cmd, d.At)
	case TryAgain:
		l.Outcome = OutcomeRetrying
		return l.next(cmd, d.At)
	case LeaveToPerson:
		l.Outcome = OutcomeParked
		return queue.Done()
	default:
		return l.aside(d.Code, l.Fault)
	}
}

// again puts a delivery off without counting anything.
func (l *Line) again(cmd events.Command, at time.Time, code fault.Code) queue.Outcome {
	l.Outcome, l.FaultCode = OutcomeWaiting, string(code)
	return l.next(cmd, at)
}

// ledgerPause is how long a delivery waits for a ledger that does not answer.
const ledgerPause = 15 * time.Second

// unrecorded puts a delivery off whose beginning or end could not be written down: the
// ledger is away, or another attempt has taken its place. It is not given back to the
// queue, which counts that, and puts a message aside long before a database has failed over.
func (l *Line) unrecorded(cmd events.Command, now time.Time, err error) queue.Outcome {
	outcome := l.again(cmd, now.Add(ledgerPause), fault.LedgerUnavailable)
	l.Fault = err.Error()
	return outcome
}

func (l *Line) next(cmd events.Command, at time.Time) queue.Outcome {
	l.NextTry = at
	return queue.RetryWith(MessageFor(cmd.Next(at), at))
}

// malformed puts a message aside that is no command of ours.
func (l *Line) malformed(err error) queue.Outcome {
	return l.aside(fault.MalformedCommand, err.Error())
}

// aside puts a message aside for a person.
func (l *Line) aside(code fault.Code, why string) queue.Outcome {
	l.Outcome, l.FaultCode, l.Fault = OutcomeFailed, string(code), why
	return queue.Dead(string(code), why)
}

func (l *Line) abandoned(code fault.Code, err error) queue.Outcome {
	l.Outcome, l.FaultCode, l.Fault = OutcomeAbandoned, string(code), err.Error()
	return queue.Abandoned()
}

// MessageFor is a command as a queue carries it, not before the given time (zero: at once).
func MessageFor(cmd events.Command, notBefore time.Time) queue.Message {
	body, err := json.Marshal(cmd)
	if err != nil {
		// Every part of a command is a string, a number, a time or JSON that was parsed before.
		panic("step: command cannot be written: " + err.Error())
	}
	return queue.Message{
		ID: cmd.ID(), Subject: events.TypeOf(cmd.Function), CorrelationID: cmd.Request,
		Body: body, NotBefore: notBefore,
	}
}
