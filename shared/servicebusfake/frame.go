package servicebusfake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The descriptors of the performatives, of SASL frames and of delivery states.
const (
	codeOpen           = 0x10
	codeBegin          = 0x11
	codeAttach         = 0x12
	codeFlow           = 0x13
	codeTransfer       = 0x14
	codeDisposition    = 0x15
	codeDetach         = 0x16
	codeEnd            = 0x17
	codeClose          = 0x18
	codeError          = 0x1d
	codeAccepted       = 0x24
	codeRejected       = 0x25
	codeReleased       = 0x26
	codeModified       = 0x27
	codeSource         = 0x28
	codeTarget         = 0x29
	codeSASLMechanisms = 0x40
	codeSASLInit       = 0x41
	codeSASLOutcome    = 0x44
)

const (
	frameAMQP = 0
	frameSASL = 1
	// maxFrame is the largest frame we take and send, in bytes.
	maxFrame = 65536
)

// frame is one frame read: a performative and, with a transfer, its payload.
type frame struct {
	channel uint16
	code    uint64
	fields  fields
	payload []byte
}

// fields are the fields of a performative; what is not there is nil.
type fields []any

func (f fields) at(i int) any {
	if i < len(f) {
		return f[i]
	}
	return nil
}

// field gives field i when it has the type wanted, and that type's zero otherwise.
func field[T any](f fields, i int) T {
	v, _ := f.at(i).(T)
	return v
}

// inner gives the fields of a composite inside field i.
func (f fields) inner(i int) (code uint64, in fields) {
	d, _ := f.at(i).(described)
	code, _ = d.descriptor.(uint64)
	list, _ := d.value.([]any)
	return code, list
}

// readFrame reads one frame; an empty one, which only says that the peer lives, has code 0.
func readFrame(r io.Reader) (frame, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	size, offset := binary.BigEndian.Uint32(head[:]), 4*uint32(head[4])
	if size > maxFrame || offset < 8 || offset > size {
		return frame{}, fmt.Errorf("amqp: frame of %d bytes whose body begins at %d", size, offset)
	}
	body := make([]byte, size-8)
	if _, err := io.ReadFull(r, body); err != nil {
		return frame{}, err
	}
	f := frame{channel: binary.BigEndian.Uint16(head[6:])}
	if body = body[offset-8:]; len(body) == 0 {
		return f, nil
	}
	return f, f.parse(body)
}

func (f *frame) parse(body []byte) error {
	value, rest, err := readValue(body)
	if err != nil {
		return err
	}
	d, ok := value.(described)
	list, isList := d.value.([]any)
	code, isCode := d.descriptor.(uint64)
	if !ok || !isList || !isCode || code == 0 {
		return errors.New("amqp: frame holds no performative")
	}
	f.code, f.fields, f.payload = code, list, rest
	return nil
}

// frameBytes writes a frame. The server's own performatives always have an encoding.
func frameBytes(kind byte, channel uint16, body described, payload []byte) []byte {
	b := []byte{0, 0, 0, 0, 2, kind, byte(channel >> 8), byte(channel)}
	b, err := appendValue(b, body)
	if err != nil {
		panic(err)
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// header is what opens the protocol: 0 for AMQP, 3 for SASL.
func header(protocol byte) []byte { return []byte{'A', 'M', 'Q', 'P', protocol, 1, 0, 0} }

// condition is an AMQP error condition, with words for people.
type condition struct {
	name symbol
	text string
}

func (c *condition) composite() any {
	if c == nil {
		return nil
	}
	return composite(codeError, c.name, c.text)
}
