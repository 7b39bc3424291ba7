package secrets_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets"
)

// childOf names the variable that makes the test binary one process of a vault's users:
// "seal", or "hang" for one that holds the lock until it is killed.
const childOf, childDoes = "USHER_TEST_VAULT", "USHER_TEST_VAULT_DOES"

func TestMain(m *testing.M) {
	dir, child := os.LookupEnv(childOf)
	if !child {
		os.Exit(m.Run())
	}
	if err := beChild(dir, os.Getenv(childDoes)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// keysOfChild is how many keys each process seals.
const keysOfChild = 10

// beChild waits for a line, so that all children begin together, and prints a digest of
// what it got for each key.
func beChild(dir, does string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	v, err := secrets.OpenFileVault(dir, secrets.Options{})
	if err != nil {
		return err
	}
	for i := range keysOfChild {
		_, s, err := v.SealOnce(context.Background(), fmt.Sprintf("tenant/acc-%d", i), func() (account.Secret, error) {
			if does == "hang" {
				fmt.Println("holding")
				select {}
			}
			return account.NewSecret(fmt.Sprintf("%s-%d-%d", canary, os.Getpid(), i)), nil
		})
		if err != nil {
			return err
		}
		fmt.Printf("%x\n", sha256.Sum256([]byte(s.Reveal())))
	}
	return nil
}

// child is a started process; go lets it begin.
type child struct {
	*exec.Cmd
	begin  io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(t *testing.T, dir, does string) *child {
	t.Helper()
	c := &child{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	c.Env = append(os.Environ(), childOf+"="+dir, childDoes+"="+does)
	c.Stderr = &c.stderr
	var err error
	c.begin, err = c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	c.out = bufio.NewReader(out)
	require.NoError(t, c.Start())
	return c
}

// Processes that make the vault and seal the same keys at once end up with one key and
// one password each.
func TestManyProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	var children []*child
	for range 4 {
		children = append(children, start(t, dir, "seal"))
	}
	for _, c := range children {
		_, err := io.WriteString(c.begin, "\n")
		require.NoError(t, err)
	}
	var first string
	for _, c := range children {
		got, err := io.ReadAll(c.out)
		require.NoError(t, err)
		require.NoError(t, c.Wait(), c.stderr.String())
		if first == "" {
			first = string(got)
		}
		assert.Equal(t, first, string(got))
	}
	assert.Equal(t, keysOfChild, strings.Count(first, "\n"))
	_, s, err := open(t, dir).SealOnce(t.Context(), "tenant/acc-0", making("another"))
	require.NoError(t, err)
	assert.Contains(t, s.Reveal(), canary)
}

// A process that is killed in the middle holds up nobody, and leaves nothing half-written.
func TestAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, "hang")
	_, err := io.WriteString(c.begin, "\n")
	require.NoError(t, err)
	line, err := c.out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holding\n", line)
	require.NoError(t, c.Process.Kill())
	require.Error(t, c.Wait())
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tenant"), 0o700))
	for _, left := range []string{".writing-1", "tenant/.writing-2"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, left), nil, 0o600))
	}
	v := open(t, dir)
	_, s, err := v.SealOnce(t.Context(), "tenant/acc-0", making(canary))
	require.NoError(t, err)
	assert.Equal(t, canary, s.Reveal())
	for _, left := range []string{".writing-1", "tenant/.writing-2"} {
		assert.NoFileExists(t, filepath.Join(dir, left))
	}
}

// A process that hangs with the lock is named after a while; readers are not held up.
func TestAHangingProcess(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	ref, _, err := v.SealOnce(t.Context(), key, making(canary))
	require.NoError(t, err)
	lock := flock.New(filepath.Join(dir, "vault.lock"))
	require.NoError(t, lock.Lock())
	defer func() { assert.NoError(t, lock.Close()) }()
	synctest.Test(t, func(t *testing.T) {
		_, _, err := v.SealOnce(t.Context(), key, making(canary))
		refused(t, err, "another process holds the vault's lock")
		_, err = v.Open(t.Context(), ref)
		require.NoError(t, err)
	})
}
