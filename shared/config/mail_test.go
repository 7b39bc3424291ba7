package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/mail"
)

func TestMail(t *testing.T) {
	assert.False(t, load(t, "").Mail.Given())
	c := load(t, "mail: {address: 'smtp.contoso.com:587', from: usher@contoso.com, username: u, password: env:P, operators: [it@contoso.com]}", "P", canary)
	assert.Equal(t, canary, c.Mail.Password.Reveal())
	c.Mail.Password = config.Mail{}.Password
	assert.Equal(t, config.Mail{
		Address: "smtp.contoso.com:587", From: "usher@contoso.com", Username: "u", Security: mail.StartTLS, Operators: []string{"it@contoso.com"},
	}, c.Mail)
	c = load(t, "", "USHER_MAIL_ADDRESS", "127.0.0.1:25", "USHER_MAIL_FROM", "usher@contoso.com")
	assert.Equal(t, mail.None, c.Mail.Security)
}

func TestMailRefused(t *testing.T) {
	for text, want := range map[string][]string{
		"mail: {address: smtp.contoso.com, from: a@b.c}":                      {"mail.address (line 1): cannot be used: \"smtp.contoso.com\" is not HOST:PORT, such as smtp.contoso.com:587"},
		"mail: {address: 'smtp.contoso.com:25'}":                              {"mail.address (line 1): cannot be used: the sender \"\" is not a mail address"},
		"mail: {address: 'smtp.contoso.com:25', from: a@b.c, security: none}": {"mail.address (line 1): cannot be used: mail to smtp.contoso.com must be protected; none is for a server on this machine"},
		"mail: {address: 'smtp.contoso.com:25', from: a@b.c, security: tls}":  {"mail.address (line 1): cannot be used: \"tls\" is not starttls, implicit or none"},
		"mail: {address: 'smtp.contoso.com:25', from: a@b.c, username: u}":    {"mail.address (line 1): cannot be used: a user name needs a password, and a password a user name"},
		"mail: {address: 'smtp.contoso.com:25', from: a@b.c, username: u, password: " + canary + "}": {
			"mail.password (line 1): must be a reference; write env:NAME, file:/PATH, aws-secretsmanager:NAME or azure-keyvault:https://VAULT.vault.azure.net/secrets/NAME, never the secret itself",
		},
		"mail: {from: a@b.c, operators: [it@contoso.com]}": {
			"mail.from (line 1): is given without mail.address", "mail.operators[0] (line 1): is given without mail.address",
		},
		"mail: {address: 'smtp.contoso.com:25', from: a@b.c, operators: ['IT <it@contoso.com>', it]}": {
			"mail.operators[0] (line 1): \"IT <it@contoso.com>\" is not a mail address", "mail.operators[1] (line 1): \"it\" is not a mail address",
		},
	} {
		assert.Equal(t, want, refused(t, text), text)
	}
}
