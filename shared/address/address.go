// Package address says which addresses of HTTP servers a secret may travel to.
package address

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// ErrForm and ErrClear say what is wrong with an address; whoever asked adds which
// address it is and what would travel there.
var (
	// ErrForm is an address without a host, or with more than a server and a path.
	ErrForm = errors.New("is not an address such as https://usher.example.com")
	// ErrClear is an address that everything would travel to in the clear.
	ErrClear = errors.New("must begin with https://")
)

// Secure parses the address of a server that secrets may travel to: https, or http on
// this machine. It has a host, and may have a port and a path: a user, a query, a
// fragment or a brace in it is ErrForm, another protocol ErrClear.
func Secure(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(u.Path, "{}") {
		return nil, ErrForm
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return nil, ErrClear
	}
	return u, nil
}

// Loopback reports whether a host is this machine by its very name: localhost, 127.0.0.0/8
// or ::1. What a name resolves to is not looked up.
func Loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
