package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/config"
)

func TestPublicAddress(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "https://usher.example.com/": "https://usher.example.com/consent/callback",
		"https://usher.example.com/it": "https://usher.example.com/it/consent/callback", "http://127.0.0.1:8080": "http://127.0.0.1:8080/consent/callback",
	} {
		c, err := config.Load("", env("USHER_PUBLIC_ADDRESS", text), nil)
		require.NoError(t, err)
		assert.Equal(t, want, c.CallBack())
	}
}

func TestWhatConsentCannotBe(t *testing.T) {
	for file, want := range map[string]string{
		"publicAddress: http://usher.example.com":                    "publicAddress (line 1): must begin with https://",
		"publicAddress: usher.example.com":                           "publicAddress (line 1): is not an address such as https://usher.example.com",
		"publicAddress: https://usher.example.com/?a=b":              "publicAddress (line 1): is not an address",
		"tenants: [{consent: telepathy}]":                            "tenants[0].consent (line 1): \"telepathy\" is neither link nor direct",
		"tenants: [{consent: link}]":                                 "tenants[0].consent (line 1): consent by link needs publicAddress",
		"tenants: [{applications: {mediafly-intelligence: theirs}}]": "tenants[0].applications.mediafly-intelligence (line 1): \"theirs\" is no application (client) id",
		"tenants: [{applications: [theirs]}]":                        "tenants[0].applications (line 1): must hold settings",
	} {
		assert.Contains(t, strings.Join(refused(t, file), "\n"), want)
	}
}
