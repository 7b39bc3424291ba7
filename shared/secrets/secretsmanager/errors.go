package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/usher365/usher/shared/secrets/sealed"
)

// The codes that decide what happens next (source: AWS Secrets Manager API Reference,
// errors of each action).
const (
	codeDenied = "AccessDeniedException"
	codeExists = "ResourceExistsException"
	codeAbsent = "ResourceNotFoundException"
	// codeState is answered about a secret that is marked for deletion, which ends by
	// itself where we deleted it, or that another service manages.
	codeState = "InvalidRequestException"
)

// permanent are the codes that no retry cures (source: as above, and "Common Errors").
// Every other answer may pass by itself.
var permanent = []string{
	codeDenied, codeAbsent, "NotAuthorized", "OptInRequired",
	"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationTokenException",
	"InvalidParameterException", "InvalidParameterValue", "ValidationException", "LimitExceededException",
	"DecryptionFailure", "EncryptionFailure", "PreconditionNotMetException",
}

// callError is a refusal of the service in our own words, for the service's may quote
// what was sent.
type callError struct{ code, text string }

func (e *callError) Error() string { return e.text }

// codeOf gives the service's code of a failed call, empty when it did not answer.
func codeOf(err error) string {
	if e, ok := errors.AsType[*callError](err); ok {
		return e.code
	}
	return ""
}

// classify says what a failed call means.
func classify(ctx context.Context, action, name string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return sealed.Unavailable("%s of %s: %w", action, name, ctx.Err())
	}
	answer, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return sealed.Unavailable("%s of %s: Secrets Manager did not answer: %w", action, name, err)
	}
	e := &callError{code: answer.ErrorCode()}
	e.text = fmt.Sprintf("Secrets Manager answers %s to %s of %s", e.code, action, name)
	if r, ok := errors.AsType[*http.ResponseError](err); ok {
		e.text += " (request " + r.ServiceRequestID() + ")"
	}
	switch e.code {
	case codeDenied:
		e.text += "; allow secretsmanager:" + action + " on it to the role of this process, and the use of its KMS key if it has one of its own"
	case codeState:
		e.text += "; it is marked for deletion, or managed by another service: restore it (aws secretsmanager restore-secret), or delete it for good"
	}
	if slices.Contains(permanent, e.code) {
		return sealed.Refused("%w", e)
	}
	return sealed.Unavailable("%w", e)
}
