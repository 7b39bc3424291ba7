package activedirectory

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// GUID is the identity of an object for all its life, as the directory stores it: the
// first three groups of its written form are little-endian (reference: [MS-DTYP] 2.3.4.2,
// GUID packet representation). The zero GUID names nothing.
type GUID [16]byte

// written gives the place in a GUID of each byte of its written form.
var written = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// groups are where the groups of a written GUID end, counted in hexadecimal digits.
var groups = [...]int{8, 12, 16, 20, 32}

// ParseGUID reads the written form, 8-4-4-4-12 hexadecimal digits in either case.
func ParseGUID(text string) (GUID, error) {
	digits := strings.ReplaceAll(text, "-", "")
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(GUID{}) || !strings.EqualFold(text, dashed(digits)) {
		return GUID{}, fmt.Errorf("%q is not a GUID such as 01234567-89ab-cdef-0123-456789abcdef", text)
	}
	var g GUID
	for i, at := range written {
		g[at] = raw[i]
	}
	return g, nil
}

// IsZero reports whether the GUID names nothing.
func (g GUID) IsZero() bool { return g == GUID{} }

// String gives the written form in lower case.
func (g GUID) String() string {
	var raw [16]byte
	for i, at := range written {
		raw[i] = g[at]
	}
	return dashed(hex.EncodeToString(raw[:]))
}

// ImmutableID gives the GUID as Entra has it in onPremisesImmutableId: the base64 of its
// bytes as stored (reference: Microsoft Entra Connect, design concepts, sourceAnchor).
func (g GUID) ImmutableID() string { return base64.StdEncoding.EncodeToString(g[:]) }

// filter gives the GUID as a value in a search filter, every byte escaped.
func (g GUID) filter() string {
	var b strings.Builder
	for _, v := range g {
		fmt.Fprintf(&b, `\%02x`, v)
	}
	return b.String()
}

// dashed puts the dashes into 32 digits; anything else is not a GUID and comes out unlike it.
func dashed(digits string) string {
	if len(digits) != 32 {
		return ""
	}
	from, parts := 0, make([]string, 0, 5)
	for _, to := range groups {
		parts = append(parts, digits[from:to])
		from = to
	}
	return strings.Join(parts, "-")
}
