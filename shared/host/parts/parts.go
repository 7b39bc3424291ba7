// Package parts makes what the functions need beside clients and engines out of the
// configuration. It is apart from package host so that a function's own binary links
// no engine.
package parts

import (
	"github.com/usher365/usher/events/schemas"
	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/host/policies"
	"github.com/usher365/usher/shared/host/profiles"
	"github.com/usher365/usher/shared/policy"
	"github.com/usher365/usher/shared/profile"
	"github.com/usher365/usher/shared/schema"
)

// Profiles gives the built-in profiles and those in dir, each checked against the
// schema. An empty dir gives the built-in ones.
func Profiles(dir string) (*profile.Catalogue, error) {
	form, err := schema.Compile("profile.v1.schema.json", []byte(profile.Schema))
	if err != nil {
		return nil, err
	}
	return profiles.Load(dir, form.CheckValue)
}

// Policy gives the configured policy, checked against its schema.
func Policy(c config.Config) (policy.Policy, error) {
	form, err := schema.Compile("policy.v1.schema.json", []byte(policy.Schema))
	if err != nil {
		return policy.Policy{}, err
	}
	return policies.Load(c, form.CheckValue)
}

// Forms are what intake checks requests against: the profiles, with those in dir, and
// the schema of the canonical request.
func Forms(dir string) (*profile.Catalogue, *schema.Schema, error) {
	catalogue, err := Profiles(dir)
	if err != nil {
		return nil, nil, err
	}
	form, err := schema.Compile("request.v1.schema.json", []byte(schemas.Request))
	return catalogue, form, err
}
