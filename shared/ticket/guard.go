package ticket

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errAddress marks a connection that was refused before it was made.
var errAddress = errors.New("the address is not allowed")

// guard decides on the address a name was resolved to, at the moment of connecting,
// so that a name cannot lead inside after it was checked.
type guard struct {
	// loopback allows this machine, and nothing else.
	loopback bool
	// private allows private networks.
	private bool
}

// guarded is a transport that connects directly, to addresses the guard allows. It
// uses no proxy: the guard would see the proxy's address only.
func guarded(g guard) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: g.control}
	return &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
}

func (g guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", errAddress, address)
	}
	return g.check(behind(to.Addr().Unmap().WithZone("")))
}

// nat64 carries IPv4 addresses in networks without IPv4 (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// behind gives the address that packets to a really reach.
func behind(a netip.Addr) netip.Addr {
	if !nat64.Contains(a) {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func (g guard) check(a netip.Addr) error {
	switch {
	case a.IsLoopback():
		if !g.loopback {
			return fmt.Errorf("%w: %s is this machine", errAddress, a)
		}
	case g.loopback:
		return fmt.Errorf("%w: %s is not this machine", errAddress, a)
	case never(a):
		return fmt.Errorf("%w: %s is link-local, reserved or a cloud's metadata service", errAddress, a)
	case internal(a) && !g.private:
		return fmt.Errorf("%w: %s is in a private network; set callback.allowPrivate if that is meant", errAddress, a)
	}
	return nil
}

// reserved addresses are never a ticketing system (source: IANA special-purpose
// address registries), nor are metadata services outside link-local space.
var reserved = prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b:1::/48", "100::/64", "2001:db8::/32", "2002::/16", "fd00:ec2::254/128", "168.63.129.16/32", "100.100.100.200/32")

// shared is the address space of carriers (RFC 6598), private beside RFC 1918 and 4193.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func never(a netip.Addr) bool {
	return !a.IsGlobalUnicast() || slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}

func internal(a netip.Addr) bool { return a.IsPrivate() || shared.Contains(a) }

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}
