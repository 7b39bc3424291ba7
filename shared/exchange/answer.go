package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// record is one object of an answer. Which fields it has, and of what type, differs
// between cmdlets and versions, so a field is asked for by name and may be missing.
type record map[string]any

// text gives a text field, empty when it is missing or of another type.
func (r record) text(field string) string {
	s, _ := r[field].(string)
	return strings.TrimSpace(s)
}

// page is one answer of a cmdlet.
type page struct {
	records []record
	// next is where the rest is; empty on the last page.
	next string
}

// refusal is the error envelope: the useful text may be in three places.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Message string `json:"message"`
	} `json:"details"`
	Inner struct {
		Type              string `json:"type"`
		InternalException struct {
			Message string `json:"message"`
			Type    string `json:"type"`
		} `json:"internalexception"`
	} `json:"innererror"`
}

var errNotJSON = errors.New("the answer is not the JSON object that Exchange gives")

// readPage reads the answer to a successful call. In "value", absent, null and an
// empty list mean the same; everything else that is not a list of objects is an error,
// because an answer that is not understood must not be taken for an empty one.
func readPage(body []byte) (page, error) {
	var answer struct {
		Next  string          `json:"@odata.nextLink"`
		Value []record        `json:"value"`
		Error json.RawMessage `json:"error"`
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return page{}, errNotJSON
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return page{}, fmt.Errorf("%w: %w", errNotJSON, err)
	}
	if len(answer.Error) > 0 && string(answer.Error) != "null" {
		return page{}, errors.New("the answer has the status of a success and carries an error")
	}
	for i, r := range answer.Value {
		if r == nil {
			return page{}, fmt.Errorf("record %d of the answer is null", i)
		}
	}
	return page{records: answer.Value, next: answer.Next}, nil
}

// readRefusal reads an error envelope; ok is false for any other body.
func readRefusal(body []byte) (r refusal, ok bool) {
	var answer struct {
		Error *refusal `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == nil {
		return refusal{}, false
	}
	return *answer.Error, true
}

// exceptions gives the exception types the envelope names, the most specific first,
// without their namespaces.
func (r refusal) exceptions() []string {
	types := []string{shortType(r.Inner.InternalException.Type)}
	for _, d := range r.Details {
		// "Ex6F9304|Namespace.Type|text"; the first part may be empty.
		if parts := strings.SplitN(d.Message, "|", 3); len(parts) == 3 {
			types = append(types, shortType(parts[1]))
		}
	}
	return append(types, shortType(r.Inner.Type))
}

func shortType(name string) string {
	return strings.TrimSpace(name[strings.LastIndexByte(name, '.')+1:])
}

// text gives the most telling text of the envelope.
func (r refusal) text() string {
	if m := r.Inner.InternalException.Message; m != "" {
		return m
	}
	for _, d := range r.Details {
		if parts := strings.SplitN(d.Message, "|", 3); len(parts) == 3 {
			return parts[2]
		}
		if d.Message != "" {
			return d.Message
		}
	}
	return r.Message
}

const maxQuoted = 300

// quote makes foreign text fit for an error: one line, printable, short.
func quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}
