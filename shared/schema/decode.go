package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document, far above what a person writes.
const maxDepth = 64

// decode reads a JSON text as the validator wants it. It does not use Unmarshal,
// which keeps the last of two equal names in a map but merges both into a struct:
// the part that was merged would never have been checked.
func decode(doc []byte) (any, Problems) {
	if !utf8.Valid(doc) {
		return nil, Problems{"the text is not valid UTF-8"}
	}
	d := decoder{Decoder: json.NewDecoder(bytes.NewReader(doc))}
	d.UseNumber()
	value, err := d.value("", 0)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("something follows the end of the document")
		}
	}
	if err != nil {
		return nil, Problems{notJSON(doc, d.InputOffset(), err)}
	}
	return value, nil
}

// notJSON names the line of a mistake.
func notJSON(doc []byte, offset int64, err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the text ends too early")
	}
	line := 1 + bytes.Count(doc[:min(int(offset), len(doc))], []byte{'\n'})
	return fmt.Sprintf("not valid JSON at line %d: %v", line, err)
}

type decoder struct{ *json.Decoder }

func (d decoder) value(at string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return d.object(at, depth)
		}
		return d.array(at, depth)
	case json.Number:
		if _, err := t.Float64(); err != nil {
			return nil, fmt.Errorf("the number at %s is out of range", orRoot(at))
		}
	}
	return token, nil
}

func (d decoder) object(at string, depth int) (any, error) {
	members := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		place := at + "/" + name
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("%s is given twice", shorten(place))
		}
		if members[name], err = d.value(place, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return members, err
}

func (d decoder) array(at string, depth int) (any, error) {
	items := []any{}
	for d.More() {
		item, err := d.value(at+"/"+strconv.Itoa(len(items)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}
