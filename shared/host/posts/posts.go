// Package posts makes what mails notices out of the configuration. It is apart from
// package tellers, because only notify links what speaks SMTP.
package posts

import (
	"context"
	"time"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/mail"
	"github.com/usher365/usher/shared/mail/smtp"
)

// Post takes a letter.
type Post interface {
	Send(ctx context.Context, l mail.Letter) error
}

// New makes the post of a configuration; nil where no mail is configured.
func New(c config.Mail, now func() time.Time) (Post, error) {
	if !c.Given() {
		return nil, nil
	}
	o := c.Options()
	o.Now = now
	sender, err := smtp.New(o)
	if err != nil {
		return nil, config.Problems{{Where: "mail.address (or USHER_MAIL_ADDRESS)", What: err.Error()}}
	}
	return sender, nil
}
