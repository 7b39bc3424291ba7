// Package schemas holds the JSON Schemas (2020-12) of what travels.
package schemas

import _ "embed"

// Request is the schema of the canonical request, usher.request/v1.
//
//go:embed request.v1.schema.json
var Request string

// Command is the schema of a command on a queue: a CloudEvents 1.0 event.
//
//go:embed command.v1.schema.json
var Command string

// Status is the schema of a status event, the body of a call-back.
//
//go:embed status.v1.schema.json
var Status string
