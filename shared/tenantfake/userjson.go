package tenantfake

// appendUser encodes the chosen properties of a user. Lists of 50,000 users are read in benchmarks of the client, so this does without the
// maps and the reflection that single objects afford.
func appendUser(b []byte, u *User, props []string) []byte {
	b = append(b, '{')
	for i, name := range props {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		if name == "assignedLicenses" {
			b = appendLicenses(b, u.Licenses)
			continue
		}
		b = appendValue(b, u.property(name))
	}
	return append(b, '}')
}

func appendLicenses(b []byte, skus []string) []byte {
	b = append(b, '[')
	for i, sku := range skus {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"disabledPlans":[],"skuId":`...)
		b = append(appendString(b, sku), '}')
	}
	return append(b, ']')
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case string:
		return appendString(b, v)
	}
	return append(b, marshal(v)...)
}

// appendString encodes a text; one with characters that need care goes through encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			return append(b, marshal(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
