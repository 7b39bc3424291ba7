// Package processtest runs the usher binary as an operator does and kills it where
// it hurts. It holds tests only.
package processtest
