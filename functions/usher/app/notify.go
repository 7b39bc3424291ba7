package app

import (
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/shared/host/posts"
	"github.com/usher365/usher/shared/host/tellers"
	"github.com/usher365/usher/shared/queue"
)

// notices makes the handler of what is told to tickets and mailed to people.
func (a *App) notices() (queue.Handler, error) {
	tell := a.options.Tell
	if tell == nil {
		var err error
		if tell, err = tellers.New(a.Config.Callback, a.Log, a.Now); err != nil {
			return nil, err
		}
	}
	post, err := posts.New(a.Config.Mail, a.Now)
	if err != nil {
		return nil, err
	}
	h := notify.New(tell, post, a.office, a.consents)
	return a.Runner.HandleNotices(notify.Policy, h.Handle, h.Mailer()), nil
}
