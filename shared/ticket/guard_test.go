package ticket

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGuard(t *testing.T) {
	public, private, loopback := guard{}, guard{private: true}, guard{loopback: true}
	cases := []struct {
		address                   string
		public, private, loopback bool
	}{
		{"20.190.128.1:443", true, true, false},
		{"[2603:1030::1]:443", true, true, false},
		{"10.1.2.3:443", false, true, false},
		{"172.16.0.1:443", false, true, false},
		{"192.168.1.1:443", false, true, false},
		{"100.64.0.1:443", false, true, false},
		{"[fd12::1]:443", false, true, false},
		{"[::ffff:10.0.0.1]:443", false, true, false},
		{"127.0.0.1:80", false, false, true},
		{"[::1]:80", false, false, true},
		{"[::ffff:127.0.0.1]:80", false, false, true},
		{"169.254.169.254:80", false, false, false},
		{"[fe80::1%eth0]:80", false, false, false},
		{"[fd00:ec2::254]:80", false, false, false},
		{"168.63.129.16:80", false, false, false},
		{"100.100.100.200:80", false, false, false},
		{"[64:ff9b::a9fe:a9fe]:80", false, false, false},
		{"[64:ff9b::14be:8001]:443", true, true, false},
		{"[64:ff9b::a00:1]:443", false, true, false},
		{"[2002:a00:1::]:80", false, false, false},
		{"0.0.0.0:80", false, false, false},
		{"[::]:80", false, false, false},
		{"255.255.255.255:80", false, false, false},
		{"224.0.0.1:80", false, false, false},
		{"desk.example.com:443", false, false, false},
	}
	for _, c := range cases {
		for g, want := range map[guard]bool{public: c.public, private: c.private, loopback: c.loopback} {
			err := g.control("tcp", c.address, nil)
			assert.Equal(t, want, err == nil, "%s with %+v: %v", c.address, g, err)
		}
	}
}
