package config

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files lists what the configuration file at the path names beside itself, as a package of
// functions must hold it: the policy file, profiles, and certificates of authorities, as
// paths below its directory with slashes, each once. The error is Problems with what is
// wrong in the file's form, with every path that leads elsewhere, and with what is not there.
func Files(at string) ([]string, error) {
	r := newReader()
	if err := r.readFile(at); err != nil {
		return nil, err
	}
	p := packer{dir: filepath.Dir(at), problems: r.problems}
	p.file(r.values["policy"])
	for _, t := range r.tenants {
		p.file(t.activeDirectory.values["rootsFile"])
	}
	p.profiles(r.values["profiles"])
	slices.Sort(p.files)
	return slices.Compact(p.files), p.problems.err()
}

// packer gathers the files of a package.
type packer struct {
	dir      string
	files    []string
	problems Problems
}

// local reports whether a path is given that leads below the configuration's directory.
func (p *packer) local(s setting) bool {
	if s.value == "" {
		return false
	}
	if !filepath.IsLocal(s.value) {
		p.problems.add(s.where, "%q is not below the directory of the configuration; a package holds only what lies there: copy it, and write its path from there, such as ./policy.yaml", s.value)
		return false
	}
	return true
}

func (p *packer) file(s setting) {
	if !p.local(s) {
		return
	}
	switch found, err := os.Stat(filepath.Join(p.dir, s.value)); {
	case err != nil:
		p.problems.add(s.where, "cannot be packed: %v", err)
	case !found.Mode().IsRegular():
		p.problems.add(s.where, "%q is not a file", s.value)
	default:
		p.files = append(p.files, path.Clean(filepath.ToSlash(s.value)))
	}
}

func (p *packer) profiles(s setting) {
	if !p.local(s) {
		return
	}
	entries, err := os.ReadDir(filepath.Join(p.dir, s.value))
	if err != nil {
		p.problems.add(s.where, "cannot be packed: %v", err)
		return
	}
	before := len(p.files)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
			p.file(setting{value: filepath.Join(s.value, name), where: s.where})
		}
	}
	if len(p.files) == before {
		p.problems.add(s.where, "%q holds no profile (.yaml)", s.value)
	}
}
