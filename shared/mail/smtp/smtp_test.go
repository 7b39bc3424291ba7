package smtp_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/mail"
	"github.com/usher365/usher/shared/mail/smtp"
	"github.com/usher365/usher/shared/smtptest"
)

const canary = "canary-password"

var (
	now    = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	letter = mail.Letter{
		ID: "notice-1", To: "jane@contoso.com", Subject: "Usher: owner gone\r\nBcc: eve@example.com", Text: "Grüße.\n.\nThe owner is gone.\n",
	}
)

// to gives the options for a server with the credentials of a test.
func to(s *smtptest.Server, security mail.Security) mail.Options {
	return mail.Options{
		Address: s.Address, From: "Usher <usher@contoso.com>", Security: security, Roots: s.Roots, Timeout: 5 * time.Second,
		Now: func() time.Time { return now },
	}
}

func signedIn(o mail.Options) mail.Options {
	o.Username, o.Password = "usher", account.NewSecret(canary)
	return o
}

func send(t *testing.T, o mail.Options) error {
	t.Helper()
	s, err := smtp.New(o)
	require.NoError(t, err)
	err = s.Send(t.Context(), letter)
	if err != nil {
		assert.NotContains(t, err.Error(), canary)
		assert.Contains(t, err.Error(), "mail to jane@contoso.com by ")
	}
	return err
}

func TestSend(t *testing.T) {
	account := smtptest.Options{Username: "usher", Password: canary}
	for name, tt := range map[string]struct {
		server   smtptest.Options
		security mail.Security
		signIn   bool
		secure   bool
	}{
		"InClearToThisMachine": {smtptest.Options{}, mail.None, false, false},
		"TLSWhereItIsOffered":  {smtptest.Options{StartTLS: true}, mail.None, false, true},
		"StartTLS":             {smtptest.Options{StartTLS: true}, mail.StartTLS, false, true},
		"StartTLSAndPlain":     {smtptest.Options{StartTLS: true, Username: account.Username, Password: canary}, mail.StartTLS, true, true},
		"ImplicitAndLogin":     {smtptest.Options{Implicit: true, Login: true, Username: account.Username, Password: canary}, mail.Implicit, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, tt.server)
			o := to(s, tt.security)
			if tt.signIn {
				o = signedIn(o)
			}
			require.NoError(t, send(t, o))
			require.Len(t, s.Mails(), 1)
			m := s.Mails()[0]
			assert.Equal(t, []any{"usher@contoso.com", []string{"jane@contoso.com"}, tt.secure, tt.signIn}, []any{m.From, m.To, m.Secure, m.SignedIn})
			for _, line := range []string{
				"Subject: Usher: owner gone Bcc: eve@example.com", "Message-ID: <notice-1@contoso.com>", "To: <jane@contoso.com>",
				`From: "Usher" <usher@contoso.com>`, "Date: Sat, 21 Nov 2026 02:00:00 +0000", "Auto-Submitted: auto-generated", "Gr=C3=BC=C3=9Fe.",
			} {
				assert.Contains(t, m.Text, line)
			}
			assert.NotContains(t, m.Text, canary)
		})
	}
}

// reply answers one command in another way.
func reply(command, with string) func(string) string {
	return func(got string) string {
		if strings.HasPrefix(got, command) {
			return with
		}
		return ""
	}
}

func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		server smtptest.Options
		change func(*mail.Options)
		want   fault.Code
		text   string
	}{
		"UnknownMailbox":      {smtptest.Options{Answer: reply("RCPT", "550 5.1.1 no such user")}, nil, fault.MailRefused, "no such user"},
		"Greylisted":          {smtptest.Options{Answer: reply("RCPT", "451 4.7.1 come back later")}, nil, fault.MailFailed, "come back later"},
		"SenderRefused":       {smtptest.Options{Answer: reply("MAIL", "553 5.7.1 not your address")}, nil, fault.MailRefused, "not your address"},
		"BodyRefused":         {smtptest.Options{Answer: reply("body", "554 5.6.0 looks odd")}, nil, fault.MailRefused, "looks odd"},
		"BodyPutOff":          {smtptest.Options{Answer: reply("body", "452 4.3.1 disk full")}, nil, fault.MailFailed, "disk full"},
		"DataRefused":         {smtptest.Options{Answer: reply("DATA", "554 5.5.1 no")}, nil, fault.MailRefused, "554"},
		"HangsUp":             {smtptest.Options{Answer: reply("DATA", "hang up")}, nil, fault.MailFailed, ""},
		"NotInService":        {smtptest.Options{Answer: reply("greeting", "421 4.3.2 shutting down")}, nil, fault.MailFailed, "shutting down"},
		"GreetingRefused":     {smtptest.Options{Answer: reply("greeting", "554 5.7.1 your address is on a list")}, nil, fault.MailRefused, "on a list"},
		"NeverAnswers":        {smtptest.Options{Answer: reply("greeting", "silence")}, func(o *mail.Options) { o.Timeout = 100 * time.Millisecond }, fault.MailFailed, "127.0.0.1"},
		"FallsSilent":         {smtptest.Options{Answer: reply("body", "silence")}, func(o *mail.Options) { o.Timeout = 100 * time.Millisecond }, fault.MailFailed, "127.0.0.1"},
		"NobodyListens":       {smtptest.Options{}, func(o *mail.Options) { o.Address = closedPort() }, fault.MailFailed, "refused"},
		"NoStartTLS":          {smtptest.Options{}, func(o *mail.Options) { o.Security = mail.StartTLS }, fault.MailRefused, "offers no STARTTLS"},
		"StartTLSRefused":     {smtptest.Options{StartTLS: true, Answer: reply("STARTTLS", "454 4.7.0 not now")}, func(o *mail.Options) { o.Security = mail.StartTLS }, fault.MailFailed, "not now"},
		"Untrusted":           {smtptest.Options{StartTLS: true}, func(o *mail.Options) { o.Security, o.Roots = mail.StartTLS, nil }, fault.MailRefused, "certificate"},
		"UntrustedImplicit":   {smtptest.Options{Implicit: true}, func(o *mail.Options) { o.Security, o.Roots = mail.Implicit, nil }, fault.MailRefused, "certificate"},
		"WrongPassword":       {smtptest.Options{Username: "usher", Password: "other"}, func(o *mail.Options) { *o = signedIn(*o) }, fault.MailRefused, "sign in as usher"},
		"NothingToSignInWith": {smtptest.Options{}, func(o *mail.Options) { *o = signedIn(*o) }, fault.MailRefused, "neither PLAIN nor LOGIN"},
		"SignInForgotten":     {smtptest.Options{Username: "usher", Password: canary}, nil, fault.MailRefused, "sign in first"},
	} {
		t.Run(name, func(t *testing.T) {
			s := smtptest.Start(t, tt.server)
			o := to(s, mail.None)
			if tt.change != nil {
				tt.change(&o)
			}
			err := send(t, o)
			require.Error(t, err)
			assert.Equal(t, tt.want, fault.CodeOf(err), err)
			assert.ErrorContains(t, err, tt.text)
			assert.Empty(t, s.Mails())
		})
	}
}

func closedPort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAnAcceptedMailIsNeverAFailure(t *testing.T) {
	for _, after := range []string{"RSET", "QUIT"} {
		for _, answer := range []string{"hang up", "421 4.3.2 shutting down", "silence"} {
			t.Run(after+" "+answer, func(t *testing.T) {
				s := smtptest.Start(t, smtptest.Options{Answer: reply(after, answer)})
				o := to(s, mail.None)
				o.Timeout = 200 * time.Millisecond
				require.NoError(t, send(t, o))
				assert.Len(t, s.Mails(), 1)
			})
		}
	}
}

func TestACancelledContextEndsTheDialogue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := smtptest.Start(t, smtptest.Options{Answer: func(command string) string {
		if command == "DATA" {
			cancel()
			return "silence"
		}
		return ""
	}})
	sender, err := smtp.New(to(s, mail.None))
	require.NoError(t, err)
	err = sender.Send(ctx, letter)
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, fault.Is(err, fault.MailFailed))
}

func TestABadAddressIsRefused(t *testing.T) {
	s, err := smtp.New(mail.Options{Address: "127.0.0.1:25", From: "usher@contoso.com", Security: mail.None})
	require.NoError(t, err)
	bad := letter
	bad.To = "jane@contoso.com\r\nRCPT TO:<eve@example.com>"
	assert.True(t, fault.Is(s.Send(t.Context(), bad), fault.MailRefused))
}
