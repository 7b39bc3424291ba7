// Command schemagen derives the table of types that tenantfake checks against from Microsoft Graph's published schema (CSDL).
//
//	GRAPH_CSDL=graph-v1.0.csdl[.gz] go generate ./shared/tenantfake
//
// The file is schemas/v1.0-Prod.csdl of github.com/microsoftgraph/msgraph-metadata. The table is part of the project; neither the build nor
// the tests need the file.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// roots are the types that the emulator answers or accepts; the types of their properties come along.
var roots = []string{"directoryObject", "user", "unifiedRoleAssignment", "unifiedRoleDefinition", "unifiedRoleAssignmentScheduleRequest", "unifiedRoleAssignmentSchedule",
	"unifiedRoleEligibilityScheduleRequest", "unifiedRoleEligibilitySchedule", "domain", "organization", "subscribedSku", "licenseDetails", "servicePrincipal",
	"conditionalAccessPolicy", "identitySecurityDefaultsEnforcementPolicy", "restore", "application", "federatedIdentityCredential", "appRoleAssignment",
	"oAuth2PermissionGrant", "adminConsentRequestPolicy", "group"}

func main() {
	if err := run(os.Getenv("GRAPH_CSDL"), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func run(source string, args []string) error {
	if source == "" || len(args) != 1 {
		return errors.New("usage: GRAPH_CSDL=<schema file> schemagen <output file>")
	}
	in, err := open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	table, err := derive(in, roots)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	out, err := json.MarshalIndent(table, "", " ")
	if err != nil {
		return fmt.Errorf("encode table: %w", err)
	}
	return os.WriteFile(args[0], append(out, '\n'), 0o644)
}

// open opens the schema, unpacking it if it is compressed.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}
