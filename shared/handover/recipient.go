package handover

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
)

const (
	// maxRecipient is the longest key that is looked at, in bytes. A post-quantum age
	// recipient has about 2,000, an RSA key of 16,384 bits about 2,800.
	maxRecipient = 4096
	// minRSA is in bits: age seals to no shorter one. The parser refuses more than 16,384.
	minRSA = 2048
)

// Recipient is a public key that passwords are sealed to, or several: each opens the text.
type Recipient struct {
	key age.Recipient
	// more are the others of several keys.
	more  []age.Recipient
	label string
}

// String names the key for people and for the audit log: an SSH key by its type and
// SHA-256 fingerprint, an age key by itself. It is no secret.
func (r Recipient) String() string { return r.label }

// IsZero reports whether there is no key.
func (r Recipient) IsZero() bool { return r.key == nil }

// ParseRecipient reads one public key: of age ("age1…", also the post-quantum
// "age1pq1…"), or of SSH as in an id_ed25519.pub file (ssh-ed25519, or ssh-rsa of 2,048
// to 16,384 bits). Its errors are fault.RequestInvalid, say what to do instead, and never
// quote the text: it may be a private key that somebody pasted by mistake.
func ParseRecipient(text string) (Recipient, error) {
	r, err := parse(strings.TrimSpace(text))
	if err == nil {
		err = usable(r)
	}
	if err != nil {
		return Recipient{}, fault.Stopf(fault.RequestInvalid, "the recipient of the password: %w", err)
	}
	return r, nil
}

// hardware keys and DSA can sign, but nothing can be sealed to them.
var unsealable = []string{"ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "ssh-dss"}

func parse(text string) (Recipient, error) {
	switch {
	case text == "":
		return Recipient{}, errors.New("there is no key; give an age or SSH public key")
	case strings.Contains(text, "PRIVATE KEY"), strings.HasPrefix(strings.ToUpper(text), "AGE-SECRET-KEY-"):
		return Recipient{}, errors.New("this is a private key, which others may have read by now: make a new pair, and give its public key")
	case len(text) > maxRecipient:
		return Recipient{}, fmt.Errorf("%d characters are too many for a public key", len(text))
	case strings.ContainsAny(text, "\r\n"):
		return Recipient{}, errors.New("there is more than one line; give one public key, on one line")
	case strings.HasPrefix(text, "age1"):
		return parseAge(text)
	}
	for _, kind := range unsealable {
		if strings.HasPrefix(text, kind) {
			return Recipient{}, errUnsealable
		}
	}
	return parseSSH(text)
}

func parseAge(text string) (Recipient, error) {
	var key age.Recipient
	var err error
	switch {
	case strings.HasPrefix(text, "age1pq1"):
		key, err = age.ParseHybridRecipient(text)
	case strings.LastIndexByte(text, '1') > len("age"): // another human-readable part, as plugins have
		return Recipient{}, errors.New("keys of age plugins and tagged keys are not supported; give a plain age1… or an SSH public key")
	default:
		key, err = age.ParseX25519Recipient(text)
	}
	if err != nil {
		return Recipient{}, errors.New("this age key is damaged; copy it again, whole, from 'age-keygen -y KEYFILE'")
	}
	return Recipient{key: key, label: text}, nil
}

func parseSSH(text string) (Recipient, error) {
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil || len(options) > 0 {
		return Recipient{}, errors.New("this is no public key; it begins with age1, ssh-ed25519 or ssh-rsa")
	}
	r := Recipient{label: key.Type() + " " + ssh.FingerprintSHA256(key)}
	switch key.Type() {
	case ssh.KeyAlgoED25519:
		r.key, err = agessh.NewEd25519Recipient(key)
	case ssh.KeyAlgoRSA:
		if err := checkRSA(key); err != nil {
			return Recipient{}, err
		}
		r.key, err = agessh.NewRSARecipient(key)
	default:
		return Recipient{}, errUnsealable
	}
	if err != nil {
		return Recipient{}, errSSHDamaged
	}
	return r, nil
}

var (
	errSSHDamaged = errors.New("this SSH key is damaged; copy it again, whole, from its .pub file")
	errUnsealable = errors.New("nothing can be sealed to an SSH key of this kind; give an ssh-ed25519, ssh-rsa or age key")
)

func checkRSA(key ssh.PublicKey) error {
	bare, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return errSSHDamaged
	}
	pub, ok := bare.CryptoPublicKey().(*rsa.PublicKey)
	switch {
	case !ok:
		return errSSHDamaged
	case pub.N.BitLen() < minRSA:
		return fmt.Errorf("an RSA key of %d bits is too weak; give one of at least %d, or better an ssh-ed25519 key", pub.N.BitLen(), minRSA)
	}
	return nil
}

// usable tries the key out: some that parse cannot be sealed to, such as the point zero.
func usable(r Recipient) error {
	if _, err := r.key.Wrap(make([]byte, 16)); err != nil {
		return errors.New("nothing can be sealed to this key; make a new pair")
	}
	return nil
}

// Sealed is a password sealed to a recipient. Nothing of it is secret.
type Sealed struct {
	// Text is the armored file, whole lines from -----BEGIN AGE ENCRYPTED FILE----- on.
	Text string
	// To names the key it is sealed to (see [Recipient.String]).
	To string
}

// HowTo tells the recipient how to open it. The password comes without a line end.
func (s Sealed) HowTo() string {
	return "Save the lines from BEGIN to END as password.age and run 'age --decrypt -i KEYFILE password.age', where KEYFILE is the private key that belongs to " + s.To + "."
}

// maxRecipients is how many keys one password is sealed to.
const maxRecipients = 10

// ParseRecipients reads several keys, to all of which one text is sealed. Its errors are
// those of ParseRecipient, with the number of the key.
func ParseRecipients(texts []string) (Recipient, error) {
	if len(texts) == 0 || len(texts) > maxRecipients {
		return Recipient{}, fault.Stopf(fault.RequestInvalid, "the recipients of the password: give 1 to %d public keys, not %d", maxRecipients, len(texts))
	}
	var all Recipient
	for i, text := range texts {
		r, err := ParseRecipient(text)
		if err != nil {
			return Recipient{}, fault.Stopf(fault.RequestInvalid, "delivery.recipients[%d]: %w", i, errors.Unwrap(err))
		}
		if i == 0 {
			all = r
			continue
		}
		all.more, all.label = append(all.more, r.key), all.label+", "+r.label
	}
	if _, err := all.armored(""); err != nil {
		return Recipient{}, fault.Stopf(fault.RequestInvalid, "delivery.recipients: these keys cannot be used together; give post-quantum keys (age1pq1…) or the others, not both")
	}
	return all, nil
}

// Seal seals a password to the key, or to each of several keys. Two calls never give the
// same text. An error means that nothing was sealed, and holds nothing of the password.
func (r Recipient) Seal(password account.Secret) (Sealed, error) {
	if r.IsZero() || password.IsZero() {
		return Sealed{}, fault.Stopf(fault.MalformedCommand, "seal a password: the password or the recipient is missing")
	}
	text, err := r.armored(password.Reveal())
	if err != nil {
		return Sealed{}, fault.Retry(fault.SecretUnavailable, 0, fmt.Errorf("seal a password to %s: %w", r, err))
	}
	return Sealed{Text: text, To: r.label}, nil
}

func (r Recipient) armored(text string) (string, error) {
	var out bytes.Buffer
	lines := armor.NewWriter(&out)
	w, err := age.Encrypt(lines, append([]age.Recipient{r.key}, r.more...)...)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = errors.Join(w.Close(), lines.Close())
	}
	return out.String(), err
}
