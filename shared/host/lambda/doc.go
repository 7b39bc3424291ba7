// Package lambda runs a function of Usher as an AWS Lambda function: it asks the runtime
// for the first event at once, opens queue, ledger and clients when that event has come,
// and keeps them for the events after it.
//
// A function that serves HTTP (ServeHTTP) answers the events of an API Gateway HTTP API
// or a Function URL. A function with a queue (Consume) drains it: Service Bus wakes no
// Lambda function, so that a schedule does it each minute, and whoever sends a message
// to its queue does it at once. AWS Lambda freezes a process between two events, which
// is why nothing is left open towards the queue that could be handed a message then.
package lambda
