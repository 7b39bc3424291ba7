package mail_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/mail"
)

const canary = "canary-password"

func TestCheck(t *testing.T) {
	good := mail.Options{Address: "smtp.contoso.com:587", From: "usher@contoso.com", Security: mail.StartTLS}
	require.NoError(t, good.Check())
	for name, tt := range map[string]struct {
		change func(*mail.Options)
		want   string
	}{
		"NoPort":          {func(o *mail.Options) { o.Address = "smtp.contoso.com" }, "is not HOST:PORT"},
		"BadPort":         {func(o *mail.Options) { o.Address = "smtp.contoso.com:mail" }, "is not HOST:PORT"},
		"NoHost":          {func(o *mail.Options) { o.Address = ":25" }, "is not HOST:PORT"},
		"NoFrom":          {func(o *mail.Options) { o.From = "" }, "is not a mail address"},
		"BadSecurity":     {func(o *mail.Options) { o.Security = "tls" }, "is not starttls, implicit or none"},
		"ClearOverTheNet": {func(o *mail.Options) { o.Security = mail.None }, "must be protected"},
		"NoPassword":      {func(o *mail.Options) { o.Username = "usher" }, "a user name needs a password"},
		"NoUsername":      {func(o *mail.Options) { o.Password = account.NewSecret(canary) }, "a user name needs a password"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			tt.change(&o)
			err := o.Check()
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), canary)
		})
	}
}

func TestSecurityOf(t *testing.T) {
	for address, want := range map[string]mail.Security{
		"smtp.contoso.com:587": mail.StartTLS, "smtp.contoso.com:465": mail.Implicit, "127.0.0.1:25": mail.None, "localhost:1025": mail.None,
		"[::1]:25": mail.None, "10.0.0.1:25": mail.StartTLS, "nonsense": mail.StartTLS,
	} {
		assert.Equal(t, want, mail.SecurityOf(address), address)
	}
}
