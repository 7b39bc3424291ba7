// Package lambdatest runs every function's own binary as AWS Lambda does: behind a
// loopback of the Lambda Runtime API, frozen between two events, woken by the Invoke
// API and by schedules. It holds tests only.
package lambdatest
