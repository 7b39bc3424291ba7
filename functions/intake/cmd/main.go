// Command intake handles one invocation of the function intake: a dry run of its decision.
package main

import (
	"context"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/host/parts"
	"github.com/usher365/usher/shared/invoke"
)

func main() {
	invoke.Main(invoke.Function{
		Name: "intake", Wire: wire,
		Does: "decides about one request as 'usher serve' would with an empty ledger.",
		Input: `a request (events/schemas/request.v1.schema.json). No account is known, so an
  offboarding finds none.
`,
		Output: `{"answer", "request", "account", "send", "audit"}
  answer is what the sender would be told; the rest is the record that would be stored,
  with its plan and the messages that would be sent. Nothing is.
`,
	})
}

func wire(p *invoke.Process) (invoke.Handle, error) {
	if err := p.NeedDomains(); err != nil {
		return nil, err
	}
	profiles, form, err := parts.Forms(p.Config.Profiles)
	if err != nil {
		return nil, err
	}
	desk, err := intake.New(intake.Options{Ledger: p.Memory, Tenants: p.Tenants, Profiles: profiles, Schema: form, Now: p.Now, NewID: p.NewID})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, doc []byte) (invoke.Answer, error) {
		answer, err := desk.Accept(ctx, doc, intake.Source{Name: "stdin"})
		decided := invoke.Answer{Body: decision{answer, p.Memory.Stored(answer.RequestID)}}
		if answer.Status == intake.Refused {
			decided.Exit = invoke.ExitRefused
		}
		return decided, err
	}, nil
}

// decision is the answer with what would be stored.
type decision struct {
	Answer intake.Answer `json:"answer"`
	invoke.Stored
}
