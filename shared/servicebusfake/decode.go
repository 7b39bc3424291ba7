package servicebusfake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

var (
	errShort = errors.New("amqp: value is cut short")
	errLong  = errors.New("amqp: bytes are left over inside a value")
)

// maxDepth bounds how deep values may be nested.
const maxDepth = 32

// decoder reads values off a slice of bytes.
type decoder struct {
	rest  []byte
	depth int
}

// readValue reads one value and gives what follows it.
func readValue(b []byte) (value any, rest []byte, err error) {
	d := decoder{rest: b}
	value, err = d.value()
	return value, d.rest, err
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.rest) {
		return nil, errShort
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken, nil
}

// number reads n bytes as an unsigned integer.
func (d *decoder) number(n int) (uint64, error) {
	b, err := d.take(n)
	if err != nil {
		return 0, err
	}
	var padded [8]byte
	copy(padded[8-n:], b)
	return binary.BigEndian.Uint64(padded[:]), nil
}

func (d *decoder) value() (any, error) {
	if d.depth++; d.depth > maxDepth {
		return nil, errors.New("amqp: values are nested too deep")
	}
	defer func() { d.depth-- }()
	code, err := d.take(1)
	if err != nil {
		return nil, err
	}
	if code[0] != 0 {
		return d.coded(code[0])
	}
	descriptor, err := d.value()
	if err != nil {
		return nil, err
	}
	switch descriptor.(type) {
	case uint64, symbol:
	default:
		return nil, fmt.Errorf("amqp: descriptor is a %T", descriptor)
	}
	value, err := d.value()
	return described{descriptor, value}, err
}

// coded reads what follows a constructor. Its upper half tells the width.
func (d *decoder) coded(code byte) (any, error) {
	switch code >> 4 {
	case 0x4:
		return constant(code)
	case 0x5, 0x6, 0x7, 0x8:
		n, err := d.number(1 << (code>>4 - 5))
		if err != nil {
			return nil, err
		}
		return fixed(code, n)
	case 0x9:
		return d.uuid(code)
	case 0xa, 0xb:
		return d.variable(code)
	case 0xc, 0xd:
		return d.compound(code)
	case 0xe, 0xf:
		return d.array(code)
	}
	return nil, unknown(code)
}

func unknown(code byte) error { return fmt.Errorf("amqp: unknown type 0x%02x", code) }

func constant(code byte) (any, error) {
	switch code {
	case 0x40:
		return nil, nil
	case 0x41:
		return true, nil
	case 0x42:
		return false, nil
	case 0x43:
		return uint32(0), nil
	case 0x44:
		return uint64(0), nil
	case 0x45:
		return []any{}, nil
	}
	return nil, unknown(code)
}

func fixed(code byte, n uint64) (any, error) {
	switch code {
	case 0x50:
		return uint8(n), nil
	case 0x51:
		return int8(n), nil
	case 0x52, 0x70:
		return uint32(n), nil
	case 0x53, 0x80:
		return n, nil
	case 0x54:
		return int32(int8(n)), nil
	case 0x55:
		return int64(int8(n)), nil
	case 0x56:
		return n != 0, nil
	case 0x60:
		return uint16(n), nil
	case 0x61:
		return int16(n), nil
	case 0x71:
		return int32(n), nil
	case 0x72:
		return math.Float32frombits(uint32(n)), nil
	case 0x81:
		return int64(n), nil
	case 0x82:
		return math.Float64frombits(n), nil
	case 0x83:
		return time.UnixMilli(int64(n)).UTC(), nil
	}
	return nil, unknown(code)
}

func (d *decoder) uuid(code byte) (any, error) {
	if code != 0x98 {
		return nil, unknown(code)
	}
	b, err := d.take(16)
	if err != nil {
		return nil, err
	}
	return uuid(b), nil
}

// width is how many bytes a size takes: one in the short forms, four in the wide ones.
func width(code byte) int {
	if code>>4 == 0xa || code>>4 == 0xc || code>>4 == 0xe {
		return 1
	}
	return 4
}

func (d *decoder) sized(code byte) ([]byte, error) {
	size, err := d.number(width(code))
	if err != nil {
		return nil, err
	}
	return d.take(int(size))
}

func (d *decoder) variable(code byte) (any, error) {
	b, err := d.sized(code)
	if err != nil {
		return nil, err
	}
	switch code & 0xf {
	case 0:
		return append([]byte{}, b...), nil
	case 1:
		return string(b), nil
	case 3:
		return symbol(b), nil
	}
	return nil, unknown(code)
}

// inside begins to read a compound value: its count and a decoder for its bytes.
func (d *decoder) inside(code byte) (count int, in *decoder, err error) {
	body, err := d.sized(code)
	if err != nil {
		return 0, nil, err
	}
	in = &decoder{rest: body, depth: d.depth}
	n, err := in.number(width(code))
	if err == nil && int(n) > len(in.rest) {
		// Every element takes a byte at least.
		err = errShort
	}
	return int(n), in, err
}

func (d *decoder) compound(code byte) (any, error) {
	count, in, err := d.inside(code)
	if err != nil {
		return nil, err
	}
	items := make([]any, 0, count)
	for range count {
		item, err := in.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(in.rest) > 0 {
		return nil, errLong
	}
	switch code & 0xf {
	case 0:
		return items, nil
	case 1:
		return mapOf(items)
	}
	return nil, unknown(code)
}

// mapOf pairs keys and values; keys must be text, as they are in every frame.
func mapOf(items []any) (any, error) {
	if len(items)%2 != 0 {
		return nil, errors.New("amqp: a map with a key and no value")
	}
	m := make(map[any]any, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		switch items[i].(type) {
		case string, symbol:
			m[items[i]] = items[i+1]
		default:
			return nil, fmt.Errorf("amqp: a map key is a %T", items[i])
		}
	}
	return m, nil
}

func (d *decoder) array(code byte) (any, error) {
	if code&0xf != 0 {
		return nil, unknown(code)
	}
	count, in, err := d.inside(code)
	if err != nil {
		return nil, err
	}
	element, err := in.take(1)
	if err != nil {
		return nil, err
	}
	if kind := element[0] >> 4; kind == 0 || kind >= 0xc || kind == 4 && count > 0 {
		return nil, errors.New("amqp: an array of constants, or of described or compound values")
	}
	items := make(array, 0, count)
	for range count {
		item, err := in.coded(element[0])
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(in.rest) > 0 {
		return nil, errLong
	}
	return items, nil
}
