package handover_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/handover"
)

const canary = "canary-Passw0rd-canary"

// pair is a key pair of one kind.
type pair struct {
	public   string
	identity age.Identity
}

func authorized(t testing.TB, public any) string {
	t.Helper()
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// rsaKey is made once: it is the slow one.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func pairs(t testing.TB) map[string]pair {
	t.Helper()
	x, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	pq, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ed, err := agessh.NewEd25519Identity(edPrivate)
	require.NoError(t, err)
	private, err := rsaKey()
	require.NoError(t, err)
	identity, err := agessh.NewRSAIdentity(private)
	require.NoError(t, err)
	return map[string]pair{
		"age":              {x.Recipient().String(), x},
		"age post-quantum": {pq.Recipient().String(), pq},
		"ssh-ed25519":      {authorized(t, edPublic) + " ann@laptop", ed},
		"ssh-rsa":          {authorized(t, &private.PublicKey), identity},
	}
}

func open(t *testing.T, text string, identity age.Identity) string {
	t.Helper()
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), identity)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestSealAndOpen(t *testing.T) {
	for name, p := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			r, err := handover.ParseRecipient("  " + p.public + "\n")
			require.NoError(t, err)
			sealed, err := r.Seal(account.NewSecret(canary))
			require.NoError(t, err)
			assert.Equal(t, canary, open(t, sealed.Text, p.identity))
			assert.True(t, strings.HasPrefix(sealed.Text, armor.Header+"\n"))
			assert.True(t, strings.HasSuffix(sealed.Text, armor.Footer+"\n"))
			assert.NotContains(t, sealed.Text+sealed.HowTo()+r.String(), canary)
			assert.Contains(t, sealed.HowTo(), r.String())
			assert.NotContains(t, r.String(), "ann@laptop", "a comment is no part of a key")

			again, err := r.Seal(account.NewSecret(canary))
			require.NoError(t, err)
			assert.NotEqual(t, sealed.Text, again.Text)
		})
	}
}

func TestNothingToSeal(t *testing.T) {
	r, err := handover.ParseRecipient(pairs(t)["age"].public)
	require.NoError(t, err)
	_, err = r.Seal(account.Secret{})
	assert.True(t, fault.Is(err, fault.MalformedCommand))
	_, err = handover.Recipient{}.Seal(account.NewSecret(canary))
	assert.True(t, fault.Is(err, fault.MalformedCommand))
	assert.NotContains(t, err.Error(), canary)
}

// rsaOf is a public key of that many bits; nobody has the private one.
func rsaOf(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

func TestRecipientsThatAreRefused(t *testing.T) {
	x, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good := x.Recipient().String()
	for name, tt := range map[string]struct{ text, says string }{
		"nothing":                 {" \n", "there is no key"},
		"words":                   {"my usual key", "begins with age1"},
		"an address":              {"ann@contoso.com", "begins with age1"},
		"a private age key":       {x.String(), "private key"},
		"a private age key again": {strings.ToLower(x.String()), "private key"},
		"a private SSH key":       {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----", "private key"},
		"two keys":                {good + "\n" + good, "more than one line"},
		"too long":                {"ssh-rsa " + strings.Repeat("A", 5000), "too many"},
		"a cut age key":           {good[:40], "damaged"},
		"a mistyped age key":      {good[:40] + flipped(good[40]) + good[41:], "damaged"},
		"an age key in capitals":  {strings.ToUpper(good), "begins with age1"},
		"a cut post-quantum key":  {pairs(t)["age post-quantum"].public[:500], "damaged"},
		"an age plugin's key":     {"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "plugins"},
		"the point zero":          {"age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "damaged"},
		"a weak RSA key":          {authorized(t, rsaOf(2047)), "2047 bits is too weak"},
		"a very weak RSA key":     {authorized(t, rsaOf(1024)), "1024 bits is too weak"},
		"an endless RSA key":      {authorized(t, rsaOf(16_400)), "begins with age1"},
		"an ECDSA key":            {authorized(t, &p256.PublicKey), "of this kind"},
		"a hardware key":          {"sk-ssh-ed25519@openssh.com AAAAGnNr ann", "of this kind"},
		"a DSA key":               {"ssh-dss AAAAB3NzaC1kc3M", "of this kind"},
		"a cut SSH key":           {authorized(t, &p256.PublicKey)[20:], "begins with age1"},
		"SSH options":             {`command="rm -rf /" ` + pairs(t)["ssh-ed25519"].public, "begins with age1"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := handover.ParseRecipient(tt.text)
			require.ErrorContains(t, err, tt.says)
			assert.True(t, r.IsZero())
			assert.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
			assert.Equal(t, fault.Permanent, fault.ClassOf(err))
			if len(tt.text) > 20 {
				assert.NotContains(t, err.Error(), tt.text[10:20], "what was pasted is not quoted")
			}
		})
	}
}

// flipped is another letter that age keys use.
func flipped(c byte) string {
	if c == 'q' {
		return "p"
	}
	return "q"
}

// Whatever is pasted, it is refused as such, or can be sealed to.
func FuzzParseRecipient(f *testing.F) {
	for _, p := range pairs(f) {
		f.Add(p.public)
		f.Add(p.public[:len(p.public)/2])
	}
	for _, text := range []string{
		"", "age1", "age11", "age1pq1", "ssh-rsa", "ssh-rsa AAAA", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		authorized(f, rsaOf(1024)), authorized(f, rsaOf(2048)), "\x00", "age1\xff", "# comment", "-----BEGIN RSA PRIVATE KEY-----",
		"ssh-rsa-cert-v01@openssh.com AAAA", `no-pty ssh-ed25519 AAAA`, "AGE-SECRET-KEY-1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := handover.ParseRecipient(text)
		if err != nil {
			require.Equal(t, fault.RequestInvalid, fault.CodeOf(err))
			require.Less(t, len(err.Error()), 300)
			require.True(t, r.IsZero())
			return
		}
		require.NotEmpty(t, r.String())
		require.NotContains(t, r.String(), "\n")
		sealed, err := r.Seal(account.NewSecret(canary))
		require.NoError(t, err)
		require.NotContains(t, sealed.Text, canary)
	})
}
