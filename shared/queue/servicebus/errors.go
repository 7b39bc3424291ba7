package servicebus

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/queue"
)

var (
	// ErrNoQueue says that the namespace has no such queue: create it first.
	ErrNoQueue = errors.New("queue: the namespace has no such queue; create it, or correct its name")
	// ErrUnauthorized says that the namespace refuses our identity.
	ErrUnauthorized = errors.New("queue: Service Bus refuses our identity; assign it the roles Azure Service Bus Data Sender and Data Receiver on the namespace")

	errDropped = errors.New("queue: the link to Service Bus was dropped")
)

// busyPause is how long Service Bus wants to be left alone after error 50009
// (https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling).
const busyPause = 10 * time.Second

const conditionBusy amqp.ErrCond = "com.microsoft:server-busy"

// classify says what an error of the client means. Missing queues come as bare AMQP
// errors, answers of $management as errors with a status, and the rest with a code.
func classify(err error) error {
	condition, status, code := marks(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, azservicebus.ErrMessageTooLarge):
		return fmt.Errorf("%w: %w", queue.ErrTooLarge, err)
	case code == azservicebus.CodeLockLost:
		return fmt.Errorf("%w: %w", queue.ErrLockLost, err)
	case condition == amqp.ErrCondNotFound:
		return fmt.Errorf("%w: %w", ErrNoQueue, err)
	case code == azservicebus.CodeNotFound:
		return fmt.Errorf("%w: %w", queue.ErrNotFound, err)
	case condition == amqp.ErrCondUnauthorizedAccess || code == azservicebus.CodeUnauthorizedAccess:
		return fmt.Errorf("%w: %w", ErrUnauthorized, err)
	case condition == conditionBusy || status == http.StatusServiceUnavailable:
		return fault.Retry(fault.Throttled, busyPause, err)
	case code == azservicebus.CodeConnectionLost:
		return fault.Retry(fault.Unreachable, 0, err)
	}
	return err
}

// marks gives what an error tells machines.
func marks(err error) (condition amqp.ErrCond, status int, code azservicebus.Code) {
	if e := (*amqp.Error)(nil); errors.As(err, &e) {
		condition = e.Condition
	}
	var answer interface{ RPCCode() int }
	if errors.As(err, &answer) {
		status = answer.RPCCode()
	}
	if e := (*azservicebus.Error)(nil); errors.As(err, &e) {
		code = e.Code
	}
	return condition, status, code
}
