package tenantfake_test

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/usher365/usher/shared/tenantfake"
)

// A tenant in process: the token endpoint is busy once, then answers.
func Example() {
	s := tenantfake.New(tenantfake.Options{})
	s.AddTenant(tenantfake.DefaultTenant())
	s.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.Unavailable}, Service: tenantfake.Login})
	client := &http.Client{Transport: s.Transport()}
	for range 2 {
		resp, err := client.PostForm("https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token", url.Values{
			"client_id": {tenantfake.DefaultClientID}, "client_secret": {tenantfake.DefaultClientSecret},
			"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := resp.Body.Close(); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, call := range s.Log() {
		fmt.Println(call.Service, call.Template, call.Status, call.Fault)
	}
	// Output:
	// login /{tenant}/oauth2/v2.0/token 503 unavailable
	// login /{tenant}/oauth2/v2.0/token 200
}
