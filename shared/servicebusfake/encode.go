package servicebusfake

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// The values of the AMQP 1.0 type system (part 1 of the OASIS standard) that frames
// need, beside Go's own: sections of messages are go-amqp's work.
type (
	symbol string
	uuid   [16]byte
	// array is a row of values of one type.
	array []any
	// described is a value with the descriptor that says what it is.
	described struct{ descriptor, value any }
)

// composite is a described list, which is what frames and delivery states are.
func composite(code uint64, fields ...any) described {
	for len(fields) > 0 && fields[len(fields)-1] == nil {
		fields = fields[:len(fields)-1]
	}
	return described{code, fields}
}

// appendValue writes a value in its shortest form. It fails on a type that AMQP does not have.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, 0x40), nil
	case []any:
		return appendCompound(b, 0xc0, 0xd0, v)
	case map[any]any:
		flat := make([]any, 0, 2*len(v))
		for key, value := range v {
			flat = append(flat, key, value)
		}
		return appendCompound(b, 0xc1, 0xd1, flat)
	case array:
		return appendArray(b, v)
	case described:
		b, err := appendValue(append(b, 0), v.descriptor)
		if err != nil {
			return b, err
		}
		return appendValue(b, v.value)
	case uint32:
		if v <= math.MaxUint8 {
			return append(b, 0x52, byte(v)), nil
		}
	case uint64:
		if v <= math.MaxUint8 {
			return append(b, 0x53, byte(v)), nil
		}
	case []byte, string, symbol:
		if short := textOf(v); len(short) <= math.MaxUint8 {
			return append(append(b, wideCode(v)-0x10, byte(len(short))), short...), nil
		}
	}
	code := wideCode(v)
	if code == 0 {
		return b, fmt.Errorf("amqp: no encoding for %T", v)
	}
	return appendWide(append(b, code), v), nil
}

func textOf(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	case symbol:
		return string(v)
	}
	return ""
}

// wideCode is the constructor of the form that holds every value of v's type.
func wideCode(v any) byte {
	switch v.(type) {
	case bool:
		return 0x56
	case uint8:
		return 0x50
	case uint16:
		return 0x60
	case uint32:
		return 0x70
	case uint64:
		return 0x80
	case int8:
		return 0x51
	case int16:
		return 0x61
	case int32:
		return 0x71
	case int64:
		return 0x81
	case float32:
		return 0x72
	case float64:
		return 0x82
	case time.Time:
		return 0x83
	case uuid:
		return 0x98
	case []byte:
		return 0xb0
	case string:
		return 0xb1
	case symbol:
		return 0xb3
	}
	return 0
}

// appendWide writes what follows the constructor of wideCode.
func appendWide(b []byte, v any) []byte {
	be := binary.BigEndian
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case uint8:
		return append(b, v)
	case uint16:
		return be.AppendUint16(b, v)
	case uint32:
		return be.AppendUint32(b, v)
	case uint64:
		return be.AppendUint64(b, v)
	case int8:
		return append(b, byte(v))
	case int16:
		return be.AppendUint16(b, uint16(v))
	case int32:
		return be.AppendUint32(b, uint32(v))
	case int64:
		return be.AppendUint64(b, uint64(v))
	case float32:
		return be.AppendUint32(b, math.Float32bits(v))
	case float64:
		return be.AppendUint64(b, math.Float64bits(v))
	case time.Time:
		return be.AppendUint64(b, uint64(v.UnixMilli()))
	case uuid:
		return append(b, v[:]...)
	}
	text := textOf(v)
	return append(be.AppendUint32(b, uint32(len(text))), text...)
}

// appendCompound writes a list or the flattened pairs of a map.
func appendCompound(b []byte, short, wide byte, items []any) ([]byte, error) {
	if len(items) == 0 && short == 0xc0 {
		return append(b, 0x45), nil
	}
	var body []byte
	var err error
	for _, item := range items {
		if body, err = appendValue(body, item); err != nil {
			return b, err
		}
	}
	return appendSized(b, short, wide, len(items), body), nil
}

func appendSized(b []byte, short, wide byte, count int, body []byte) []byte {
	if len(body)+1 <= math.MaxUint8 && count <= math.MaxUint8 {
		return append(append(b, short, byte(len(body)+1), byte(count)), body...)
	}
	b = binary.BigEndian.AppendUint32(append(b, wide), uint32(len(body)+4))
	return append(binary.BigEndian.AppendUint32(b, uint32(count)), body...)
}

// appendArray writes items under one constructor; they must be of one simple type.
func appendArray(b []byte, items array) ([]byte, error) {
	if len(items) == 0 {
		return appendSized(b, 0xe0, 0xf0, 0, []byte{wideCode("")}), nil
	}
	code := wideCode(items[0])
	if code == 0 || slices.ContainsFunc(items, func(v any) bool { return wideCode(v) != code }) {
		return b, fmt.Errorf("amqp: no array of %T and others", items[0])
	}
	body := []byte{code}
	for _, item := range items {
		body = appendWide(body, item)
	}
	return appendSized(b, 0xe0, 0xf0, len(items), body), nil
}
