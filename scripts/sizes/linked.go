package main

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"slices"
)

// The modules that a function's binary must not hold, by what it says of itself.
const (
	graph      = "github.com/microsoftgraph/msgraph-sdk-go"
	sqlite     = "modernc.org/sqlite"
	prometheus = "github.com/prometheus/client_golang"
	ldap       = "github.com/go-ldap/ldap/v3"
)

// graphFree are the functions that make no call to Graph.
var graphFree = []string{"intake", "notify", "console", hello}

// onPremises are the functions that act in Active Directory.
var onPremises = []string{"create", "revoke", "handover"}

func (p program) budget() int {
	switch {
	case p.name == "console":
		return vaultBudget
	case slices.Contains(graphFree, p.name):
		return plainBudget
	}
	return graphBudget
}

func (p program) setUpBudget() int {
	if slices.Contains([]string{"intake", "console", "fullsync"}, p.name) {
		return setUpMost
	}
	return leanSetUp
}

// linked tells what the binary holds and must not.
func (p program) linked() (wrong []string) {
	barred := []string{sqlite, prometheus}
	if slices.Contains(graphFree, p.name) {
		barred = append(barred, graph)
	}
	if !slices.Contains(onPremises, p.name) {
		barred = append(barred, ldap)
	}
	info, err := buildinfo.ReadFile(p.path)
	if err != nil {
		return []string{"its binary cannot be read: " + err.Error()}
	}
	for _, dep := range info.Deps {
		if slices.Contains(barred, dep.Path) {
			wrong = append(wrong, "it links "+dep.Path)
		}
	}
	// Names of packages stay in a stripped binary, for stack traces and types.
	binary, err := os.ReadFile(p.path)
	if err != nil {
		return append(wrong, err.Error())
	}
	for _, module := range barred {
		if bytes.Contains(binary, []byte(module+"/")) || bytes.Contains(binary, []byte(module+".")) {
			wrong = append(wrong, "code of "+module+" is in it")
		}
	}
	return wrong
}
