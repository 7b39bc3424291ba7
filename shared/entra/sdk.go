package entra

import (
	"fmt"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	kiotahttp "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/rolemanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// sdk gives the Graph SDK's request builders. Its root client is never imported: it
// doubles the build and brings a middleware chain of random order.
type sdk struct{ adapter abstractions.RequestAdapter }

// newSDK puts the SDK's adapter over a round tripper with no middleware of kiota.
// Signing in is the round tripper's work: the SDK's own provider calls a host that is
// not on its list without a token and without an error.
func newSDK(base string, rt http.RoundTripper) (sdk, error) {
	adapter, err := kiotahttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{},
		kiotajson.NewJsonParseNodeFactory(),
		kiotajson.NewJsonSerializationWriterFactory(),
		withoutRedirects(&http.Client{Transport: rt}),
	)
	if err != nil {
		return sdk{}, fmt.Errorf("make the Graph SDK's adapter: %w", err)
	}
	adapter.SetBaseUrl(base)
	return sdk{adapter}, nil
}

// users gives a fresh builder. The adapter writes into a builder's map, so builders
// are never kept or shared.
func (s sdk) users() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{}, s.adapter)
}

// roleAssignments gives a fresh builder.
func (s sdk) roleAssignments() *rolemanagement.DirectoryRoleAssignmentsRequestBuilder {
	return rolemanagement.NewDirectoryRoleAssignmentsRequestBuilderInternal(map[string]string{}, s.adapter)
}
