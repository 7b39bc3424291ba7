// Package domains opens the on-premises domains that the configuration names. Only what
// makes, changes or deletes accounts there links it.
package domains

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/usher365/usher/shared/activedirectory"
	"github.com/usher365/usher/shared/config"
)

// Open makes a client for each tenant that has an activeDirectory. It makes no call. The
// error is config.Problems with all that is wrong.
func Open(c config.Config) (activedirectory.Domains, error) {
	opened := activedirectory.Domains{}
	var problems config.Problems
	for _, t := range c.Tenants {
		settings, has := c.ActiveDirectory[t.ID]
		if !has {
			continue
		}
		client, err := open(settings)
		if err != nil {
			problems = append(problems, config.Problem{Where: fmt.Sprintf("activeDirectory of tenant %s", t.Alias), What: err.Error()})
			continue
		}
		opened[t.ID] = client
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return opened, nil
}

func open(d config.ActiveDirectory) (*activedirectory.Client, error) {
	roots, err := rootsOf(d.RootsFile)
	if err != nil {
		return nil, err
	}
	return activedirectory.New(activedirectory.Options{
		URL: d.URL, BaseDN: d.BaseDN, BindDN: d.BindName, Password: d.Password, Roots: roots, StampAttribute: d.StampAttribute,
	})
}

// rootsOf reads certificates in PEM; an empty path gives nil, the machine's own.
func rootsOf(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("rootsFile cannot be read: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("rootsFile %s holds no certificate in PEM", path)
	}
	return roots, nil
}
