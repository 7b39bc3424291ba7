package main

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/identity"
)

// credential signs in as the environment says. It gives a new credential each time it
// is asked, which happens once for each tenant and again after a token was refused:
// permissions are frozen into a token, so that one from a cache knows of no grant since.
func (s *settings) credential(transport policy.Transporter) func(account.TenantID) (azcore.TokenCredential, error) {
	return func(t account.TenantID) (azcore.TokenCredential, error) {
		source, err := s.source(transport)
		if err != nil {
			return nil, err
		}
		return source.Credential(t)
	}
}

func (s *settings) source(transport policy.Transporter) (*identity.Source, error) {
	return identity.New(identity.Options{Env: s.env, AuthorityHost: s.Endpoints.Login, Transport: transport})
}
