package entra

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
)

type fixedToken struct{}

func (fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// offline is a client without sockets.
func offline(t testing.TB, transport roundTrip) *Client {
	c, err := New(Options{
		Credential: func(account.TenantID) (azcore.TokenCredential, error) { return fixedToken{}, nil },
		Endpoint:   "https://graph.example.test", Scope: "https://graph.example.test/.default", Transport: transport,
	})
	require.NoError(t, err)
	return c
}

// roundTrip is a transport in process.
type roundTrip func(*http.Request) io.Reader

func (f roundTrip) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(f(r)), Request: r}, nil
}

// page999 is a page of 999 users as Graph gives it to our $select.
func page999() []byte {
	var b bytes.Buffer
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users(id,userPrincipalName)","value":[`)
	for i := range pageSize {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"87d349ed-44d7-43e1-9a83-5f2406de%04d","userPrincipalName":"user%d@contoso.onmicrosoft.com","displayName":"User Number %d","accountEnabled":true,"onPremisesSyncEnabled":null,"onPremisesExtensionAttributes":{`, i, i, i)
		for n := 1; n <= 14; n++ {
			fmt.Fprintf(&b, `"extensionAttribute%d":null,`, n)
		}
		b.WriteString(`"extensionAttribute15":"usher:req-1"},"assignedLicenses":[{"disabledPlans":[],"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965"},{"disabledPlans":[],"skuId":"c7df2760-2c81-4ef7-b578-5b5392b571df"}]}`)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// BenchmarkUsersPage compares reading one page our way with parsing it by the SDK.
func BenchmarkUsersPage(b *testing.B) {
	body := page999()
	b.Run("stream", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			_, err := decodePage(bytes.NewReader(body), func(w wireUser) { _ = w.user(); n++ })
			require.NoError(b, err)
			require.Equal(b, pageSize, n)
		}
	})
	b.Run("whole call", func(b *testing.B) {
		c := offline(b, func(*http.Request) io.Reader { return bytes.NewReader(body) })
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			page, _, err := c.UserPage(b.Context(), "t", "")
			require.NoError(b, err)
			require.Len(b, page, pageSize)
		}
	})
	b.Run("sdk", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			node, err := kiotajson.NewJsonParseNodeFactory().GetRootParseNode("application/json", body)
			require.NoError(b, err)
			list, err := node.GetObjectValue(models.CreateUserCollectionResponseFromDiscriminatorValue)
			require.NoError(b, err)
			require.Len(b, list.(models.UserCollectionResponseable).GetValue(), pageSize)
		}
	})
}
