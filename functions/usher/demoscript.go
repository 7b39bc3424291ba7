package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/account"
)

// script is what the demo plays: two samples of one profile.
type script struct{ onboard, offboard string }

// scripts are the samples by profile. Of several for one profile the first counts that
// makes an account; else the first by name.
func scripts() (map[string]script, error) {
	names, err := fs.Glob(samples.Files, "onboard-*.json")
	if err != nil {
		return nil, err
	}
	found, made := map[string]script{}, map[string]bool{}
	for _, name := range names {
		req, err := sampleRequest(name)
		if err != nil {
			return nil, err
		}
		if _, known := found[req.Profile]; known && (made[req.Profile] || req.Account.Mode != makes) {
			continue
		}
		found[req.Profile] = script{name, strings.Replace(name, string(account.Onboard), string(account.Offboard), 1)}
		made[req.Profile] = req.Account.Mode == makes
	}
	return found, nil
}

// makes is the mode of a request for a new account.
const makes = "create"

// performance gives a sample as the demo sends it: nobody watches it for a month, so that
// a grace before the deletion is left out. changed says so.
func performance(name string) (body []byte, changed string, err error) {
	if body, err = samples.Files.ReadFile(name); err != nil {
		return nil, "", err
	}
	var req events.Request
	if err := json.Unmarshal(body, &req); err != nil || req.Offboard == nil || req.Offboard.GraceDays == 0 {
		return body, "", err
	}
	changed = fmt.Sprintf(", without its grace of %d days", req.Offboard.GraceDays)
	req.Offboard.GraceDays = 0
	body, err = json.Marshal(req)
	return body, changed, err
}

func sampleRequest(name string) (req events.Request, err error) {
	body, err := samples.Files.ReadFile(name)
	if err != nil {
		return req, err
	}
	return req, json.Unmarshal(body, &req)
}

// scriptFor gives the script of a profile.
func scriptFor(profile string) (script, error) {
	all, err := scripts()
	if err != nil {
		return script{}, err
	}
	s, ok := all[profile]
	if !ok {
		var known []string
		for name := range all {
			known = append(known, name)
		}
		slices.Sort(known)
		return s, failed(exitUsage, "it plays "+strings.Join(known, ", "), "the demo has no samples for profile %q", profile)
	}
	return s, nil
}
