// Command notify is the AWS Lambda function that tells the ticketing system how a request
// stands, or the log when no call-back is configured, and mails notices.
package main

import (
	"context"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/shared/host/consents"
	"github.com/usher365/usher/shared/host/handovers"
	"github.com/usher365/usher/shared/host/lambda"
	"github.com/usher365/usher/shared/host/posts"
	"github.com/usher365/usher/shared/host/tellers"
)

func main() { lambda.Consume(events.Notify, wire) }

func wire(_ context.Context, p *lambda.Process) (lambda.Consumer, error) {
	tell, err := tellers.New(p.Config.Callback, p.Log, p.Now)
	if err != nil {
		return lambda.Consumer{}, err
	}
	post, err := posts.New(p.Config.Mail, p.Now)
	if err != nil {
		return lambda.Consumer{}, err
	}
	office, err := handovers.New(handovers.Options{Config: p.Config, Ledger: p.Ledger, Now: p.Now, Log: p.Log})
	if err != nil {
		return lambda.Consumer{}, err
	}
	links := consents.New(consents.Options{Config: p.Config, Ledger: p.Ledger, Tenant: p.Tenants.Find, Now: p.Now, Log: p.Log})
	handler := notify.New(tell, post, office, links)
	return lambda.Consumer{
		Handle:  p.Runner.HandleNotices(notify.Policy, handler.Handle, handler.Mailer()),
		Longest: notify.Policy.Longest(),
	}, nil
}
