package config

import (
	"maps"
	"slices"
	"strings"
)

// Endpoints are the hosts of one Microsoft cloud, as https URLs without a slash at
// the end, and the scopes of the tokens they take.
type Endpoints struct {
	// Login is the authority host.
	Login string
	// Graph is Microsoft Graph, without the version.
	Graph string
	// Exchange is the base of the Exchange admin API.
	Exchange string
	// GraphScope and ExchangeScope are what tokens are asked for. They belong to the
	// cloud, also where another endpoint is set.
	GraphScope, ExchangeScope string
}

// The clouds. GCC is part of the public cloud.
const (
	Public   = "public"
	USGov    = "usgov"
	USGovDoD = "usgov-dod"
	China    = "china"
)

// clouds is the table of hosts (sources: Microsoft Graph, "National cloud
// deployments"; Exchange PowerShell, "Connect to Exchange Online PowerShell" and
// "App-only authentication"). The Exchange scopes outside the public cloud follow
// its pattern.
var clouds = map[string]Endpoints{
	Public:   cloud("https://login.microsoftonline.com", "https://graph.microsoft.com", "https://outlook.office365.com"),
	USGov:    cloud("https://login.microsoftonline.us", "https://graph.microsoft.us", "https://outlook.office365.us"),
	USGovDoD: cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://outlook-dod.office365.us"),
	China:    cloud("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://outlook.office365.cn"),
}

func cloud(login, graph, exchange string) Endpoints {
	return Endpoints{login, graph, exchange, graph + "/.default", exchange + "/.default"}
}

// Hosts gives Microsoft's endpoints of a cloud; an empty name means public. It
// reports false for a cloud it does not know.
func Hosts(name string) (Endpoints, bool) {
	if name == "" {
		name = Public
	}
	e, ok := clouds[name]
	return e, ok
}

func cloudNames() string { return strings.Join(slices.Sorted(maps.Keys(clouds)), ", ") }
