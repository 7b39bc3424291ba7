package aws

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/events"
)

// inDomain are the functions that sign in to on-premises domains.
var inDomain = []string{events.Create, events.HandOver, events.Revoke}

// TestWhoSignsInToDomains holds the list against the code: no other function may read the
// password, so no other may link what signs in.
func TestWhoSignsInToDomains(t *testing.T) {
	for _, f := range functions() {
		text, err := os.ReadFile(filepath.Join(root, "functions", f, "cmd/main.go"))
		require.NoError(t, err)
		assert.Equal(t, slices.Contains(inDomain, f), bytes.Contains(text, []byte(`"github.com/usher365/usher/shared/host/domains"`)), f)
	}
}

// secretsAreNamed: a parameter that is the resource of a right takes secrets by name, one
// place below a name at most, so that nobody opens all of them by a star.
func secretsAreNamed(d document) (bad []string) {
	const here = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	for name, p := range d.Parameters {
		if !strings.HasSuffix(name, "SecretArn") && !strings.HasSuffix(name, "SecretArns") && !strings.HasSuffix(name, "PasswordArns") {
			continue
		}
		pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
		if err != nil || p.AllowedPattern == "" {
			bad = append(bad, fmt.Sprintf("parameter %s has no pattern", name))
			continue
		}
		good := here + "usher/domain-a1B2c3"
		if strings.HasSuffix(name, "PasswordArns") {
			good = here + "contoso/usher/*"
		}
		if !pattern.MatchString(good) {
			bad = append(bad, fmt.Sprintf("parameter %s does not take %s", name, good))
		}
		for _, wide := range []string{"*", here + "*", here + "/*", "arn:aws:secretsmanager:*", "arn:aws:iam::123456789012:role/admin"} {
			if pattern.MatchString(wide) {
				bad = append(bad, fmt.Sprintf("parameter %s takes %s", name, wide))
			}
		}
	}
	return bad
}

// networksReachTheDomain: who signs in to domains is put near them where subnets for that
// are given, with a right to have a network interface there; all others never are.
func networksReachTheDomain(d document) (bad []string) {
	for _, name := range d.each("AWS::Lambda::Function") {
		subnets, groups := []string{"${SubnetIds}"}, []string{"${SecurityGroupIds}"}
		interfaces, near := "InVpc", []string{"InVpc"}
		if slices.Contains(inDomain, name) {
			subnets, groups = append([]string{"${DomainSubnetIds}"}, subnets...), append([]string{"${DomainSecurityGroupIds}"}, groups...)
			interfaces, near = "InEitherVpc", []string{"NearDomain", "InVpc"}
		}
		var inSubnets, inGroups []string
		for _, v := range values(d.Resources[name].at("VpcConfig")) {
			inSubnets, inGroups = append(inSubnets, d.texts(at(v, "SubnetIds"))...), append(inGroups, d.texts(at(v, "SecurityGroupIds"))...)
		}
		if !slices.Equal(subnets, inSubnets) || !slices.Equal(groups, inGroups) {
			bad = append(bad, fmt.Sprintf("%s is in %v with %v, not in %v with %v", name, inSubnets, inGroups, subnets, groups))
		}
		if when := chosen(d.Resources[name].at("VpcConfig")); !slices.Equal(when, near) {
			bad = append(bad, fmt.Sprintf("the network of %s depends on %v, not on %v", name, when, near))
		}
		if when := d.mayHaveInterfaces(name + "Role"); when != interfaces {
			bad = append(bad, fmt.Sprintf("%sRole may have network interfaces where %q, not where %s", name, when, interfaces))
		}
	}
	return bad
}

// mayHaveInterfaces gives the condition under which a role may have network interfaces.
func (d document) mayHaveInterfaces(role string) string {
	policies, _ := d.Resources[role].at("ManagedPolicyArns").([]any)
	for _, p := range policies {
		if d.one(p) == networkPolicy {
			return strings.Join(chosen(p), " and ")
		}
	}
	return ""
}
