package servicebusfake

import (
	"time"

	"github.com/Azure/go-amqp"
)

// response is the answer to a request on $management or $cbs.
type response struct {
	status    int32
	text      string
	condition symbol
	value     any
}

func ok(value any) response { return response{status: 200, text: "OK", value: value} }

func gone() response {
	return response{status: 410, text: "the lock is lost", condition: conditionLockLost}
}

func bad(text string) response {
	return response{status: 400, text: text, condition: "amqp:invalid-field"}
}

// answer carries out a request and replies to the address that it names.
func (c *conn) answer(n node, request *amqp.Message) {
	if request.Properties == nil || request.Properties.ReplyTo == nil {
		return
	}
	r := c.respond(n, request)
	reply := &amqp.Message{
		Properties: &amqp.MessageProperties{CorrelationID: request.Properties.MessageID, To: request.Properties.ReplyTo},
		ApplicationProperties: map[string]any{
			"status-code": r.status, "statusCode": r.status, "status-description": r.text, "statusDescription": r.text,
		},
		Value: r.value,
	}
	if r.condition != "" {
		reply.ApplicationProperties["errorCondition"] = string(r.condition)
	}
	if r.value == nil {
		reply.Value = map[string]any{}
	}
	if l := c.replyLink(*request.Properties.ReplyTo); l != nil {
		l.reply(reply)
	}
}

func (c *conn) replyLink(address string) *outLink {
	for _, s := range c.sessions {
		for _, l := range s.outs {
			if l.entity == nil && (l.replyTo == address || l.name == address) {
				return l
			}
		}
	}
	return nil
}

func (c *conn) respond(n node, request *amqp.Message) response {
	if n.cbs {
		return c.putToken(request)
	}
	if c.server.faults.isBusy() {
		return response{status: 503, text: busy().text, condition: conditionBusy}
	}
	arguments, _ := request.Value.(map[string]any)
	switch request.ApplicationProperties["operation"] {
	case "com.microsoft:schedule-message":
		return n.entity.scheduleMessages(arguments)
	case "com.microsoft:cancel-scheduled-message":
		return n.entity.cancelScheduled(arguments)
	case "com.microsoft:renew-lock":
		return n.entity.renewLocks(arguments)
	case "com.microsoft:update-disposition":
		return n.entity.updateDisposition(arguments)
	case "com.microsoft:peek-message":
		return n.entity.peekMessages(arguments)
	case "com.microsoft:receive-by-sequence-number":
		return n.entity.receiveBySequence(arguments)
	}
	return response{status: 501, text: "the operation is not known here", condition: conditionNotImplemented}
}

// putToken takes a token for an address (the CBS of the protocol guide).
func (c *conn) putToken(request *amqp.Message) response {
	address, _ := request.ApplicationProperties["name"].(string)
	token, _ := request.Value.(string)
	refused := c.server.faults.unauthorized()
	if refused == nil && c.server.checkToken != nil {
		refused = c.server.checkToken(token, address)
	}
	if refused != nil {
		return response{status: 401, text: refused.Error(), condition: conditionUnauthorized}
	}
	c.claims[pathOf(address)] = true
	return response{status: 202, text: "Accepted"}
}

func (e *entity) scheduleMessages(arguments map[string]any) response {
	list, _ := arguments["messages"].([]any)
	var msgs []*message
	for _, item := range list {
		entry, _ := item.(map[string]any)
		payload, _ := entry["message"].([]byte)
		m, err := parseMessage(payload)
		if err != nil {
			return bad(err.Error())
		}
		msgs = append(msgs, m)
	}
	sequences, refused := e.put(msgs...)
	if refused != nil {
		return response{status: 403, text: refused.text, condition: refused.name}
	}
	return ok(map[string]any{"sequence-numbers": sequences})
}

func (e *entity) cancelScheduled(arguments map[string]any) response {
	sequences, _ := arguments["sequence-numbers"].([]int64)
	if !e.cancel(sequences) {
		return response{status: 404, text: "there is no such scheduled message", condition: "com.microsoft:message-not-found"}
	}
	return ok(nil)
}

func (e *entity) renewLocks(arguments map[string]any) response {
	tokens, _ := arguments["lock-tokens"].([]amqp.UUID)
	var until []time.Time
	for _, token := range tokens {
		end, held := e.renew(uuid(token))
		if !held {
			return gone()
		}
		until = append(until, end)
	}
	return ok(map[string]any{"expirations": until})
}

func (e *entity) updateDisposition(arguments map[string]any) response {
	s := settlement{}
	switch arguments["disposition-status"] {
	case "completed":
		s.verb = complete
	case "abandoned":
		s.verb = abandon
	case "defered": // sic
		s.verb = postpone
	case "suspended":
		s.verb = bury
	default:
		return bad("the disposition status is not known")
	}
	s.reason, _ = arguments["deadletter-reason"].(string)
	s.text, _ = arguments["deadletter-description"].(string)
	s.properties, _ = arguments["properties-to-modify"].(map[string]any)
	tokens, _ := arguments["lock-tokens"].([]amqp.UUID)
	for _, token := range tokens {
		if !e.settle(uuid(token), s) {
			return gone()
		}
	}
	return ok(nil)
}

func (e *entity) peekMessages(arguments map[string]any) response {
	from, _ := arguments["from-sequence-number"].(int64)
	most, _ := arguments["message-count"].(int32)
	var found []any
	for _, m := range e.peek(from, int(most)) {
		entry, err := encoded(m)
		if err != nil {
			return bad(err.Error())
		}
		found = append(found, entry)
	}
	if len(found) == 0 {
		return response{status: 204, text: "no messages"}
	}
	return ok(map[string]any{"messages": found})
}

// receiveBySequence locks deferred messages. The lock token travels beside the message and in it.
func (e *entity) receiveBySequence(arguments map[string]any) response {
	sequences, _ := arguments["sequence-numbers"].([]int64)
	var found []any
	for _, m := range e.receiveDeferred(sequences) {
		shown := m.shown(stateDeferred)
		shown.DeliveryAnnotations = amqp.Annotations{"x-opt-lock-token": amqp.UUID(m.token)}
		entry, err := encoded(shown)
		if err != nil {
			return bad(err.Error())
		}
		entry["lock-token"] = amqp.UUID(m.token)
		found = append(found, entry)
	}
	if len(found) == 0 {
		return response{status: 404, text: "there is no such deferred message", condition: "com.microsoft:message-not-found"}
	}
	return ok(map[string]any{"messages": found})
}

func encoded(m *amqp.Message) (map[string]any, error) {
	payload, err := m.MarshalBinary()
	return map[string]any{"message": payload}, err
}
