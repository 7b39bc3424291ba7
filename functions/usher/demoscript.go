package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/events/samples"
	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/profile"
)

// script is what the demo plays: two samples of one profile.
type script struct {
	onboard, offboard string
	mode              profile.Mode
}

// scripts are the samples by profile, of those with an account.mode where it is given. Of
// several for one profile the first counts that makes an account; else the first by name.
func scripts(mode profile.Mode) (map[string]script, error) {
	names, err := fs.Glob(samples.Files, "onboard-*.json")
	if err != nil {
		return nil, err
	}
	found := map[string]script{}
	for _, name := range names {
		req, err := sampleRequest(name)
		if err != nil {
			return nil, err
		}
		asked := profile.Mode(req.Account.Mode)
		if mode != "" && asked != mode {
			continue
		}
		if before, known := found[req.Profile]; known && (before.mode == profile.Create || asked != profile.Create) {
			continue
		}
		found[req.Profile] = script{name, strings.Replace(name, string(account.Onboard), string(account.Offboard), 1), asked}
	}
	return found, nil
}

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

// scriptFor gives the script of a profile; mode is an account.mode, or empty for the usual one.
func scriptFor(name string, mode profile.Mode) (script, error) {
	all, err := scripts(mode)
	if err != nil {
		return script{}, err
	}
	s, ok := all[name]
	if ok {
		return s, nil
	}
	if len(all) == 0 {
		return s, failed(exitUsage, "", "--mode is create, existing, synced or application, not %q", mode)
	}
	what := fmt.Sprintf("profile %q", name)
	if mode != "" {
		what += fmt.Sprintf(" with --mode %s", mode)
	}
	return s, failed(exitUsage, "it plays "+strings.Join(slices.Sorted(maps.Keys(all)), ", "), "the demo has no samples for %s", what)
}
