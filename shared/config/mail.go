package config

import (
	netmail "net/mail"
	"strings"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/mail"
)

// Mail says how notices are mailed; an empty address mails none.
type Mail struct {
	// Address is HOST:PORT of the server, and From who the mails are from.
	Address, From string
	// Username and Password sign in; empty does not. Both are empty where notify is not served.
	Username string
	Password account.Secret
	Security mail.Security
	// Operators get the notices that nobody else answers for.
	Operators []string
}

// Given reports whether notices are mailed.
func (m Mail) Given() bool { return m.Address != "" }

// Options are those of the mail.
func (m Mail) Options() mail.Options {
	return mail.Options{Address: m.Address, From: m.From, Username: m.Username, Password: m.Password, Security: m.Security}
}

func (r *reader) readMail() field {
	return r.mapping(map[string]field{
		"address": r.value, "from": r.value, "username": r.value, "password": r.value, "security": r.value, "operators": r.texts(&r.operators),
	})
}

func (b *builder) mail() Mail {
	m := Mail{Address: b.or("mail.address", ""), From: b.or("mail.from", ""), Username: b.or("mail.username", "")}
	for _, o := range b.operators {
		if a, err := netmail.ParseAddress(o.value); err != nil || a.Address != o.value {
			b.problems.add(o.where, "%q is not a mail address", o.value)
		}
		m.Operators = append(m.Operators, o.value)
	}
	if password := b.values[mailPassword]; password.value != "" {
		m.Password = account.NewSecret(b.secretOf(mailPassword, password))
	}
	if !b.uses(mailPassword) {
		m.Username = "" // signing in is for who mails
	}
	if !m.Given() {
		b.withoutAddress()
		return m
	}
	m.Security = mail.Security(b.or("mail.security", string(mail.SecurityOf(m.Address))))
	if err := m.Options().Check(); err != nil && !b.known(mailPassword) {
		b.problems.add(b.values["mail.address"].where, "cannot be used: %v", err)
	}
	return m
}

// withoutAddress refuses settings that would do nothing.
func (b *builder) withoutAddress() {
	for _, key := range []string{"from", "username", "password", "security"} {
		if s := b.values["mail."+key]; s.value != "" {
			b.problems.add(s.where, "is given without mail.address")
		}
	}
	if len(b.operators) > 0 {
		b.problems.add(b.operators[0].where, "is given without mail.address")
	}
}

// known reports whether there is a problem with a setting already.
func (b *builder) known(key string) bool {
	for _, p := range b.problems {
		if strings.HasPrefix(p.Where, key) || p.Where == b.values[key].where {
			return true
		}
	}
	return false
}
