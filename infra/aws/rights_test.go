package aws

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher365/usher/events"
)

// order is that of a plan's steps, by function; one that comes twice stands twice.
var order = []string{events.CheckFitness, events.Create, events.CheckFitness, events.GrantConsent, events.AssignRole, events.GrantRoleGroup, events.AssignTargets, events.HandOver}

// wakes says whose queues a function sends to, and whom it may wake therefore.
func wakes(name string) (all []string) {
	switch name {
	case events.Notify:
		return nil
	case "console": // an operator approves, revokes, takes back, and starts the sync
		return events.Functions()
	case "intake", events.FullSync: // a plan begins anywhere, and lost commands of any function are sent again
		all = order
	case events.Revoke: // what was taken is given back, except the account itself
		all = slices.DeleteFunc(slices.Clone(order), func(f string) bool { return f == events.Create })
	default:
		all = order[slices.Index(order, name)+1:]
	}
	all = append(slices.Clone(all), events.Revoke, events.Notify)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(f string) bool { return f == name })
}

// own says what a function may do that no other may.
var own = map[string][]string{
	"intake": {"secretsmanager:GetSecretValue on ${WebhookSecretArn}", "secretsmanager:GetSecretValue on ${SourceSecretArns}"},
	// The page of a one-time link shows a password, and throws the vault's copy away.
	"console": {"secretsmanager:GetSecretValue on ${ApiTokenSecretArn}", "secretsmanager:GetSecretValue on ${ApproverTokensSecretArn}",
		"secretsmanager:GetSecretValue on " + vault, "secretsmanager:DeleteSecret on " + vault},
	events.HandOver: {
		"secretsmanager:CreateSecret on " + vault, "secretsmanager:GetSecretValue on " + vault, "secretsmanager:PutSecretValue on " + vault,
		"secretsmanager:DeleteSecret on " + vault, domainPassword,
	},
	events.Create: {
		"secretsmanager:CreateSecret on " + vault, "secretsmanager:GetSecretValue on " + vault, "secretsmanager:PutSecretValue on " + vault,
		"secretsmanager:GetSecretValue on ${BroughtPasswordArns}", domainPassword,
	},
	events.Revoke: {domainPassword},
	// The sync throws away the passwords of accounts that cannot come back.
	events.FullSync: {"secretsmanager:DeleteSecret on " + vault},
	events.Notify:   {"secretsmanager:GetSecretValue on ${CallbackSecretArn}", "secretsmanager:GetSecretValue on ${MailPasswordSecretArn}"},
}

const (
	here  = ":${AWS::Region}:${AWS::AccountId}:"
	vault = "arn:${AWS::Partition}:secretsmanager" + here + "secret:${VaultPrefix}/*"
	// domainPassword is for who signs in to on-premises domains.
	domainPassword = "secretsmanager:GetSecretValue on ${DomainPasswordSecretArns}"
	// everyFunction is the one policy that all roles share.
	everyFunction = "EveryFunction"
	// networkPolicy is of AWS: it lets a function of a VPC have a network interface.
	networkPolicy = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
	signIn        = "sts:GetWebIdentityToken"
)

// rights is all that a function may do.
func rights(name string) []string {
	all := append([]string{
		"logs:CreateLogStream on ${" + name + "Log.Arn}", "logs:PutLogEvents on ${" + name + "Log.Arn}",
		"secretsmanager:GetSecretValue on ${DatabaseUrlSecretArn}", signIn + " on *",
	}, own[name]...)
	if !slices.Contains(serving, name) {
		all = append(all, "sqs:SendMessage on "+undelivered)
	}
	for _, w := range wakes(name) {
		all = append(all, "lambda:InvokeFunction on arn:${AWS::Partition}:lambda"+here+"function:"+stack+w)
	}
	slices.Sort(all)
	return all
}

// granted lists what statements allow, as "ACTION on RESOURCE".
func (d document) granted(statements []any) (all []string) {
	for _, s := range statements {
		for _, action := range d.texts(at(s, "Action")) {
			for _, resource := range d.texts(at(s, "Resource")) {
				all = append(all, action+" on "+resource)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// statements are those of a role's own policies, and of the template's policies it names.
func (d document) statements(role string) (all []any) {
	r := d.Resources[role]
	for _, p := range values(r.at("Policies")) {
		all = append(all, values(at(p, "PolicyDocument", "Statement"))...)
	}
	for _, p := range d.texts(r.at("ManagedPolicyArns")) {
		named := d.Resources[strings.Trim(p, "${}")]
		all = append(all, values(named.at("PolicyDocument", "Statement"))...)
	}
	return all
}

func rolesAreLeast(d document) (bad []string) {
	known := map[string]string{}
	for _, f := range d.each("AWS::Lambda::Function") {
		role := f + "Role"
		known[role] = "lambda.amazonaws.com"
		bad = append(bad, d.exactly(role, rights(f))...)
	}
	for _, s := range d.each("AWS::Scheduler::Schedule") {
		role := s + "Role"
		known[role] = "scheduler.amazonaws.com"
		target := d.one(d.Resources[s].at("Target", "Arn"))
		bad = append(bad, d.exactly(role, []string{"lambda:InvokeFunction on " + target, "sqs:SendMessage on " + undelivered})...)
	}
	for _, role := range d.each("AWS::IAM::Role") {
		trust := values(d.Resources[role].at("AssumeRolePolicyDocument", "Statement"))
		if len(trust) != 1 || d.one(at(trust[0], "Principal", "Service")) != known[role] || at(trust[0], "Principal", "AWS") != nil {
			bad = append(bad, fmt.Sprintf("role %s is not for %q alone", role, known[role]))
		}
	}
	return append(bad, d.policiesElsewhere()...)
}

func (d document) exactly(role string, want []string) (bad []string) {
	is := d.granted(d.statements(role))
	for _, right := range is {
		if !slices.Contains(want, right) {
			bad = append(bad, fmt.Sprintf("%s may %s, which it does not need", role, right))
		}
	}
	for _, right := range want {
		if !slices.Contains(is, right) {
			bad = append(bad, fmt.Sprintf("%s may not %s, which it needs", role, right))
		}
	}
	return bad
}

// policiesElsewhere finds rights that are given in another way than by the roles themselves.
func (d document) policiesElsewhere() (bad []string) {
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::User", "AWS::IAM::Group"} {
		for _, name := range d.each(kind) {
			bad = append(bad, fmt.Sprintf("%s %s: give rights in the roles", kind, name))
		}
	}
	for _, name := range d.each("AWS::IAM::ManagedPolicy") {
		if name != everyFunction {
			bad = append(bad, fmt.Sprintf("policy %s is one too many", name))
		}
	}
	for _, role := range d.each("AWS::IAM::Role") {
		for _, p := range d.texts(d.Resources[role].at("ManagedPolicyArns")) {
			if p != "${"+everyFunction+"}" && p != networkPolicy {
				bad = append(bad, fmt.Sprintf("role %s has the policy %s", role, p))
			}
		}
	}
	for _, name := range d.each("AWS::Lambda::Permission") {
		p := d.Resources[name]
		if d.one(p.at("Principal")) != "apigateway.amazonaws.com" || p.at("SourceArn") == nil {
			bad = append(bad, fmt.Sprintf("permission %s is not for our HTTP API alone", name))
		}
	}
	return bad
}

// noStars refuses what is too wide in any policy. The one action that knows no resource
// needs conditions instead; the one resource with a star is below the vault's prefix.
func noStars(d document) (bad []string) {
	for _, role := range append(d.each("AWS::IAM::Role"), d.each("AWS::IAM::ManagedPolicy")...) {
		for _, s := range append(d.statements(role), values(d.Resources[role].at("PolicyDocument", "Statement"))...) {
			if d.one(at(s, "Effect")) != "Allow" || at(s, "NotAction") != nil || at(s, "NotResource") != nil {
				bad = append(bad, fmt.Sprintf("%s: say what is allowed, and of what", role))
			}
			for _, action := range d.texts(at(s, "Action")) {
				if strings.Contains(action, "*") {
					bad = append(bad, fmt.Sprintf("%s: action %s is too wide", role, action))
				}
			}
			for _, resource := range d.texts(at(s, "Resource")) {
				if strings.Contains(resource, "*") && resource != vault && !d.signsIn(s) {
					bad = append(bad, fmt.Sprintf("%s: resource %s is too wide", role, resource))
				}
			}
		}
	}
	return bad
}

// signsIn reports whether a statement allows only tokens for Entra that soon expire.
func (d document) signsIn(s any) bool {
	if d.one(at(s, "Action")) != signIn {
		return false
	}
	for _, c := range [][3]string{
		{"ForAllValues:StringEquals", "sts:IdentityTokenAudience", "api://AzureADTokenExchange"},
		{"Null", "sts:IdentityTokenAudience", "false"},
		{"NumericLessThanEquals", "sts:DurationSeconds", "300"},
		{"StringEquals", "sts:SigningAlgorithm", "RS256"},
	} {
		if d.one(at(s, "Condition", c[0], c[1])) != c[2] {
			return false
		}
	}
	return true
}
