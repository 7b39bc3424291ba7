package console

import "net/http"

// explain says what a request document would need, without taking it.
func (c *console) explain(r *http.Request) (any, error) {
	document, err := documentOf(r)
	if err != nil {
		return nil, err
	}
	return c.Cases.Explain(document)
}
