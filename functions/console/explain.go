package console

import (
	"io"
	"net/http"
)

// explain says what a request document would need, without taking it.
func (c *console) explain(r *http.Request) (any, error) {
	document, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, badRequest("the body could not be read: %v", err)
	case len(document) > maxBody:
		return nil, problem(http.StatusRequestEntityTooLarge, CodeBadRequest, "the body is larger than 64 KiB", "")
	case len(document) == 0:
		return nil, badRequest("send the request document that is to be explained")
	}
	return c.Cases.Explain(document)
}
