package servicebusfake

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-amqp"
	"github.com/stretchr/testify/require"
)

// amqpValue wraps an encoded value as the amqp-value section of a message.
func amqpValue(encoded []byte) []byte { return append([]byte{0, 0x53, 0x77}, encoded...) }

// theirs reads an encoded value with go-amqp.
func theirs(encoded []byte) (any, error) {
	var m amqp.Message
	err := m.UnmarshalBinary(amqpValue(encoded))
	return m.Value, err
}

// plain writes a value in a form that both codecs' types have in common.
func plain(v any) string {
	switch v := v.(type) {
	case uuid:
		return fmt.Sprintf("uuid %x", v[:])
	case amqp.UUID:
		return fmt.Sprintf("uuid %x", v[:])
	case time.Time:
		return fmt.Sprintf("time %d", v.UnixMilli())
	case float32:
		return fmt.Sprintf("float32 %x", math.Float32bits(v))
	case float64:
		return fmt.Sprintf("float64 %x", math.Float64bits(v))
	case []byte:
		return fmt.Sprintf("bytes %x", v)
	case map[any]any:
		return plainMap(v)
	case map[string]any:
		return plainMap(v)
	}
	r := reflect.ValueOf(v)
	if r.Kind() == reflect.String {
		return "text " + r.String()
	}
	if r.Kind() == reflect.Slice {
		var items []string
		for i := range r.Len() {
			items = append(items, plain(r.Index(i).Interface()))
		}
		return "[" + strings.Join(items, " ") + "]"
	}
	return fmt.Sprintf("%T %v", v, v)
}

func plainMap[K comparable](m map[K]any) string {
	sorted := map[string]string{}
	for key, value := range m {
		sorted[plain(key)] = plain(value)
	}
	return fmt.Sprint(sorted) // fmt sorts the keys
}

func TestBothCodecsReadWhatOursWrites(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, v := range []any{
		nil, true, false, uint8(7), uint16(300), uint32(0), uint32(255), uint32(256), uint64(0), uint64(255), uint64(1 << 40),
		int8(-1), int16(-300), int32(-1), int32(1 << 20), int64(-1), int64(math.MinInt64), float32(1.5), math.Inf(-1),
		time.UnixMilli(-1).UTC(), uuid{1, 2, 3}, []byte{}, []byte(long), "", "text", long, symbol("amqp:not-found"), symbol(long),
		[]any{}, []any{nil, "a", []any{uint32(1)}}, []any{long, long}, map[any]any{"a": int64(1), "b": []any{"c"}},
		array{int64(1), int64(2)}, array{uuid{1}, uuid{2}}, array{symbol("a"), symbol(long)},
	} {
		encoded, err := appendValue(nil, v)
		require.NoError(t, err)
		ours, rest, err := readValue(encoded)
		require.NoError(t, err, "%x", encoded)
		require.Empty(t, rest)
		require.Equal(t, v, ours)
		read, err := theirs(encoded)
		require.NoError(t, err, "%x", encoded)
		require.Equal(t, plain(v), plain(read))
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for _, v := range []any{struct{}{}, []any{1}, map[any]any{"a": 1}, array{"a", int64(1)}, array{[]any{}}, described{uint64(1), 1}, described{1, nil}} {
		_, err := appendValue(nil, v)
		require.Error(t, err, "%#v", v)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, encoded := range []string{
		"", "\x00", "\x00\x40\x40", "\x46", "\x5f", "\x70\x00", "\x99", "\xa0\x05a", "\xa2\x00", "\xc0\x01\xff", "\xc0\x00",
		"\xc1\x02\x01\x40", "\xc1\x04\x02\x52\x01\x40", "\xc0\x06\x02\xc1\x02\x00SA", "\xe0\x02\x01\xc0", "\xe1\x02\x01\x40", "\x10",
		strings.Repeat("\xc0\x7f\x01", 100), "\xd0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
	} {
		_, _, err := readValue([]byte(encoded))
		require.Error(t, err, "%x", encoded)
	}
}

// FuzzValue holds our codec against go-amqp's: what both read, and ours writes again, is
// the same for both.
func FuzzValue(f *testing.F) {
	for _, v := range []any{"text", []any{uint32(1), symbol("s")}, map[any]any{"k": uuid{9}}, array{int64(5)}, time.UnixMilli(5).UTC(), composite(codeError, symbol("a"), "b")} {
		encoded, err := appendValue(nil, v)
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		ours, rest, err := readValue(encoded)
		if err != nil {
			return
		}
		again, err := appendValue(nil, ours)
		require.NoError(t, err, "%#v", ours)
		back, none, err := readValue(again)
		require.NoError(t, err)
		require.Empty(t, none)
		require.Equal(t, plain(ours), plain(back))
		read, err := theirs(encoded[:len(encoded)-len(rest)])
		if err != nil {
			return // go-amqp is stricter, about text for example
		}
		rewritten, err := theirs(again)
		require.NoError(t, err)
		require.Equal(t, plain(read), plain(rewritten))
	})
}

// FuzzFrame reads anything as a frame: it must not panic or take what is not there.
func FuzzFrame(f *testing.F) {
	f.Add(frameBytes(frameAMQP, 3, composite(codeTransfer, uint32(1), uint32(2), []byte("tag")), []byte("payload")))
	f.Add([]byte{0, 0, 0, 8, 2, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := readFrame(bytes.NewReader(b))
		if err != nil || read.code == 0 {
			return
		}
		again, err := readFrame(bytes.NewReader(frameBytes(frameAMQP, read.channel, described{read.code, []any(read.fields)}, read.payload)))
		require.NoError(t, err)
		require.Equal(t, plain([]any(read.fields)), plain([]any(again.fields)))
		require.Equal(t, read.payload, again.payload)
	})
}
