package console

import (
	"net/http"
	"time"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/ledger"
)

// Notice is something a person should know that belongs to no open request.
type Notice struct {
	Key      string           `json:"key"`
	Kind     string           `json:"kind"`
	Open     bool             `json:"open"`
	Tenant   string           `json:"tenant"`
	TenantID account.TenantID `json:"tenantId"`
	// AccountID and RequestID say what it belongs to; both are optional.
	AccountID string `json:"accountId,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	// Text is what is the matter and what to do.
	Text string `json:"text"`
	// Mail are the addresses that are told.
	Mail      []string  `json:"mail,omitempty"`
	RaisedAt  time.Time `json:"raisedAt"`
	ClearedAt time.Time `json:"clearedAt,omitzero"`
	// Undelivered is why it has not come everywhere; empty when it has, or is on its way.
	Undelivered string `json:"undelivered,omitempty"`
}

// listNotices gives the open notices, the newest first; with all, those that are over after them.
func (c *console) listNotices(r *http.Request) (any, error) {
	asked, err := c.filter(r.URL.Query())
	if err != nil {
		return nil, err
	}
	all, err := flag(r.URL.Query(), "all")
	if err != nil {
		return nil, err
	}
	f := ledger.NoticeFilter{Tenant: asked.Tenant, Open: !all, Limit: asked.Limit}
	if asked.UserPrincipalName != "" {
		a, err := c.account(r.Context(), asked.UserPrincipalName)
		if err != nil {
			return nil, err
		}
		f.AccountID = a.ID
	}
	found, err := c.Notices.Notices(r.Context(), f)
	if err != nil {
		return nil, err
	}
	return c.notices(found), nil
}

// notices gives notices as the API shows them.
func (c *console) notices(found []ledger.Notice) []Notice {
	list := make([]Notice, 0, len(found))
	for _, n := range found {
		list = append(list, Notice{
			Key: n.Key, Kind: n.Kind, Open: n.Open(), Tenant: c.alias(n.Tenant), TenantID: n.Tenant, AccountID: n.AccountID, RequestID: n.RequestID,
			Text: n.Text, Mail: n.Mail, RaisedAt: n.RaisedAt, ClearedAt: n.ClearedAt, Undelivered: n.Undelivered,
		})
	}
	return list
}
