// Package profiles reads the configured profiles. It is apart from package parts, which
// checks them against their schema: that library costs every start of a function.
package profiles

import (
	"fmt"
	"os"

	"github.com/usher365/usher/shared/config"
	"github.com/usher365/usher/shared/profile"
)

// Load gives the built-in profiles and those in dir, each put before check. An empty
// dir gives the built-in ones.
func Load(dir string, check func(any) error) (*profile.Catalogue, error) {
	catalogue, err := profile.Load(profile.Builtin(), check)
	if err != nil || dir == "" {
		return catalogue, err
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, config.Problems{{Where: "profiles", What: fmt.Sprintf("the directory cannot be read: %v", err)}}
	}
	more, err := profile.Load(os.DirFS(dir), check)
	if err != nil {
		return nil, config.Problems{{Where: "profiles in " + dir, What: err.Error()}}
	}
	if catalogue, err = catalogue.With(more, dir); err != nil {
		return nil, config.Problems{{Where: "profiles in " + dir, What: err.Error()}}
	}
	return catalogue, nil
}

// Known gives them as they are, for functions that take no requests in: intake, which
// does, has refused to open with any that is wrong.
func Known(dir string) (*profile.Catalogue, error) {
	return Load(dir, func(any) error { return nil })
}
