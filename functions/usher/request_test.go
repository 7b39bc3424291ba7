package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSentBy(t *testing.T) {
	for document, want := range map[string]string{
		`{"a":{"b":1}}`: `{"a":{"b":1},"sentBy":"ann"}`, `{"sentBy":"bob"}`: `{"sentBy":"bob"}`,
		`{`: `{`, `[]`: `[]`, `null`: `null`, ``: ``,
	} {
		assert.Equal(t, want, string(sentBy("ann", []byte(document))))
	}
}
