package benchmark

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	users = 50_000
	// asTenant makes the test binary be the tenant, so that its work is not counted as ours.
	asTenant = "USHER_BENCHMARK_TENANT"
)

func TestMain(m *testing.M) {
	if os.Getenv(asTenant) != "" {
		beTenant()
		return
	}
	os.Exit(m.Run())
}

// beTenant serves a tenant of many users until the parent closes the pipe.
func beTenant() {
	server := tenantfake.New(tenantfake.Options{})
	server.AddTenant(tenantfake.DefaultTenant()).AddUsers(users)
	listener, err := server.Start("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s\n%s\n", listener.URL, listener.CACertPEM)
	os.Stdout.Close()
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// crowd starts the tenant in a process of its own.
func crowd(b *testing.B) (url string, transport *http.Client, calls *atomic.Int64) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), asTenant+"=1"), os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(b, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	reader := bufio.NewReader(stdout)
	url, err = reader.ReadString('\n')
	require.NoError(b, err)
	var pem strings.Builder
	_, err = reader.WriteTo(&pem)
	require.NoError(b, err)
	roots := x509.NewCertPool()
	require.True(b, roots.AppendCertsFromPEM([]byte(pem.String())))
	calls = &atomic.Int64{}
	tls := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return strings.TrimSpace(url), &http.Client{Transport: counted{tls, calls}}, calls
}

type counted struct {
	next  http.RoundTripper
	calls *atomic.Int64
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.next.RoundTrip(r)
}

// BenchmarkFullSync is one nightly sync of a tenant of 50,000 users over TLS. The
// tenant is another process; what is reported is ours alone.
func BenchmarkFullSync(b *testing.B) {
	url, transport, calls := crowd(b)
	s := open(b, url, transport)
	s.work(b)
	forgetPeak()
	before, cpu := calls.Load(), cpuSeconds(b)
	b.ResetTimer()
	for range b.N {
		requests, err := s.Desk.Sync(context.Background(), "", "benchmark")
		require.NoError(b, err)
		for {
			r, err := s.Ledger.Request(context.Background(), requests[0].ID)
			require.NoError(b, err)
			if account.StateOf(r).Terminal() {
				require.Equal(b, account.Succeeded, account.StateOf(r), "%+v", r.Steps)
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(calls.Load()-before)/float64(b.N), "requests")
	b.ReportMetric((cpuSeconds(b)-cpu)/float64(b.N), "cpu-s")
	b.ReportMetric(peakMegabytes(), "peak-MB")
}

func cpuSeconds(b *testing.B) float64 {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

// forgetPeak starts the kernel's high-water mark of our memory anew (Linux; elsewhere
// the peak of the whole run is reported).
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMegabytes is the high-water mark of the resident memory; zero where it is not told.
func peakMegabytes() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); n == 1 {
			return kilobytes / 1024
		}
	}
	return 0
}
