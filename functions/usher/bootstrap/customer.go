package bootstrap

import (
	"fmt"
	"net/url"

	"github.com/usher365/usher/shared/account"
)

// Customer is what an administrator of one customer's tenant has to do.
type Customer struct {
	Alias    string           `json:"alias"`
	TenantID account.TenantID `json:"tenantId"`
	Steps    []CustomerStep   `json:"steps"`
}

// CustomerStep is what is to be done there for one of our applications.
type CustomerStep struct {
	App string `json:"app"`
	// ConsentURL is where an administrator grants everything that the application
	// asks for; empty while the application is not made.
	ConsentURL string `json:"consentUrl,omitempty"`
	// Roles are the directory roles to give its service principal afterwards, which no
	// consent includes.
	Roles []Role `json:"roles,omitempty"`
}

// Customers says what is to be done in each tenant but the home tenant, for each
// application that has rights there. login is the sign-in service, such as
// https://login.microsoftonline.com.
func Customers(tenants []account.Tenant, home account.TenantID, login string, apps []Outcome) []Customer {
	all := []Customer{}
	for _, t := range tenants {
		if t.ID == home {
			continue
		}
		c := Customer{Alias: t.Alias, TenantID: t.ID}
		for _, a := range apps {
			if a.App.HomeOnly() {
				continue
			}
			c.Steps = append(c.Steps, CustomerStep{
				App: a.App.DisplayName, ConsentURL: consentURL(login, t.ID, a), Roles: a.App.Roles,
			})
		}
		all = append(all, c)
	}
	return all
}

// consentURL asks for every permission of the registration at once (source: Microsoft
// identity platform, "Admin consent on the Microsoft identity platform").
func consentURL(login string, tenant account.TenantID, a Outcome) string {
	if a.AppID == "" {
		return ""
	}
	query := url.Values{"client_id": {a.AppID}, "redirect_uri": {a.App.Landing}}
	return fmt.Sprintf("%s/%s/adminconsent?%s", login, url.PathEscape(string(tenant)), query.Encode())
}
