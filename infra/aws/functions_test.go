package aws

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/functions/assignrole"
	"github.com/usher365/usher/functions/assigntargets"
	"github.com/usher365/usher/functions/checkfitness"
	"github.com/usher365/usher/functions/create"
	"github.com/usher365/usher/functions/grantconsent"
	"github.com/usher365/usher/functions/grantrolegroup"
	"github.com/usher365/usher/functions/handover"
	"github.com/usher365/usher/functions/notify"
	"github.com/usher365/usher/functions/revoke"
)

// serving are the functions that answer HTTP; the others work on the queue of their name.
var serving = []string{"intake", "console"}

// functions are all of them.
func functions() []string { return append(slices.Clone(serving), events.Functions()...) }

const (
	root        = "../.."
	stack       = "${AWS::StackName}-"
	undelivered = "${Undelivered.Arn}"
	// httpLimit is the longest an HTTP API waits (Amazon API Gateway, "Quotas for HTTP APIs").
	httpLimit = 30
	// lambdaLimit is the longest a function may run (AWS Lambda, "Lambda quotas").
	lambdaLimit = 900
	// margin is for opening the engines and for settling what is in hand.
	margin = 30 * time.Second
)

// longest is how long one attempt of each function may take. fullsync goes on through
// the queue when its time is up, so that it is given all there is.
func longest() map[string]time.Duration {
	return map[string]time.Duration{
		events.Create: create.Policy.Longest(), events.AssignRole: assignrole.Policy.Longest(),
		events.GrantRoleGroup: grantrolegroup.Policy(nil).Longest(), events.Revoke: revoke.Policy.Longest(),
		events.GrantConsent:  grantconsent.Policy.Longest(),
		events.HandOver:      handover.Policy.Longest(),
		events.AssignTargets: assigntargets.Policy.Longest(),
		events.CheckFitness:  checkfitness.Policy.Longest(),
		events.Notify:        notify.Policy.Longest(), events.FullSync: lambdaLimit*time.Second - margin,
	}
}

func everyFolderIsAFunction(d document) (bad []string) {
	folders, err := filepath.Glob(root + "/functions/*/cmd")
	if err != nil {
		return []string{err.Error()}
	}
	var built []string
	for _, f := range folders {
		built = append(built, filepath.Base(filepath.Dir(f)))
	}
	deployed := d.each("AWS::Lambda::Function")
	for _, name := range built {
		if !slices.Contains(deployed, name) {
			bad = append(bad, fmt.Sprintf("functions/%s/cmd is not deployed", name))
		}
	}
	for _, name := range deployed {
		if _, err := os.Stat(filepath.Join(root, "functions", name, "cmd")); err != nil {
			bad = append(bad, fmt.Sprintf("function %s has no folder: %v", name, err))
		}
	}
	return bad
}

func functionsAreMadeAlike(d document) (bad []string) {
	for _, name := range d.each("AWS::Lambda::Function") {
		f := d.Resources[name]
		for what, is := range map[string][2]string{
			"name":         {d.one(f.at("FunctionName")), stack + name},
			"runtime":      {d.one(f.at("Runtime")), "provided.al2023"},
			"handler":      {d.one(f.at("Handler")), "bootstrap"},
			"architecture": {d.one(f.at("Architectures")), "arm64"},
			"package":      {d.one(f.at("Code", "S3Key")), "../../bin/package/" + name + ".zip"},
			"role":         {d.one(f.at("Role")), "${" + name + "Role.Arn}"},
		} {
			if is[0] != is[1] {
				bad = append(bad, fmt.Sprintf("%s of %s is %q, not %q", what, name, is[0], is[1]))
			}
		}
		if n := number(f.at("ReservedConcurrentExecutions")); n < 1 || n > 10 {
			bad = append(bad, fmt.Sprintf("%s reserves %v executions, not 1 to 10", name, n))
		}
		bad = append(bad, timeout(name, number(f.at("Timeout")))...)
	}
	return bad
}

// timeout: whoever is asked over HTTP answers before the gateway gives up; whoever works on
// a queue has time for its longest attempt.
func timeout(name string, seconds float64) []string {
	least, most := 1.0, float64(lambdaLimit)
	if slices.Contains(serving, name) {
		most = httpLimit - 1
	} else {
		least = (longest()[name] + margin).Seconds()
	}
	if seconds < least || seconds > most {
		return []string{fmt.Sprintf("%s has %v s, not %v to %v", name, seconds, least, most)}
	}
	return nil
}

// applications says which of our applications a function signs in as.
var applications = map[string]string{
	events.Create: "Provisioner", events.AssignRole: "Provisioner", events.GrantRoleGroup: "Provisioner", events.Revoke: "Provisioner",
	events.CheckFitness: "Provisioner",
	events.HandOver:     "Provisioner",
	events.FullSync:     "Sync",
	// The other identity of these grants consents; this one only opens the queue.
	events.AssignTargets: "Messenger", events.GrantConsent: "Messenger",
	"intake": "Messenger", events.Notify: "Messenger", "console": "Messenger",
}

// environment is all that a function finds in its environment. What is secret is a reference.
func environment(name string) map[string]string {
	all := map[string]string{
		"AZURE_TENANT_ID":            "${HomeTenantId}",
		"AZURE_CLIENT_ID":            "${" + applications[name] + "ClientId}",
		"USHER_SERVICEBUS_NAMESPACE": "${ServiceBusNamespace}",
		"USHER_DATABASE_URL":         "aws-secretsmanager:${DatabaseUrlSecretArn}",
		"USHER_WAKE_PREFIX":          stack,
		"USHER_DRAIN_POLL":           "${DrainPoll}",
		"USHER_HANDOVER_ADDRESS":     "${HandoverAddress}",
		"USHER_PUBLIC_ADDRESS":       "${PublicAddress}",
	}
	maps.Copy(all, map[string]map[string]string{
		"intake": {"USHER_WEBHOOK_SECRET": "aws-secretsmanager:${WebhookSecretArn}", "USHER_CALLBACK_URL": "${CallbackUrl}"},
		"console": {"USHER_API_TOKEN": "aws-secretsmanager:${ApiTokenSecretArn}", "USHER_APPROVER_TOKENS": "aws-secretsmanager:${ApproverTokensSecretArn}",
			"USHER_VAULT": "aws-secretsmanager:${VaultPrefix}", "USHER_CALLBACK_URL": "${CallbackUrl}"},
		events.AssignTargets: {"USHER_CONSENTS_CLIENT_ID": "${ConsentsClientId}"},
		events.GrantConsent:  {"USHER_CONSENTS_CLIENT_ID": "${ConsentsClientId}"},
		events.Revoke:        {"USHER_CONSENTS_CLIENT_ID": "${ConsentsClientId}"},
		// Who takes a request must know whether there is somebody to tell; only notify signs.
		events.FullSync: {"USHER_CALLBACK_URL": "${CallbackUrl}", "USHER_VAULT": "aws-secretsmanager:${VaultPrefix}"},
		events.HandOver: {"USHER_VAULT": "aws-secretsmanager:${VaultPrefix}"},
		events.Create:   {"USHER_VAULT": "aws-secretsmanager:${VaultPrefix}"},
		events.Notify: {"USHER_CALLBACK_URL": "${CallbackUrl}", "USHER_CALLBACK_SECRET": "aws-secretsmanager:${CallbackSecretArn}",
			"USHER_MAIL_ADDRESS": "${MailAddress}", "USHER_MAIL_FROM": "${MailFrom}", "USHER_MAIL_USERNAME": "${MailUsername}",
			"USHER_MAIL_PASSWORD": "aws-secretsmanager:${MailPasswordSecretArn}"},
	}[name])
	return all
}

func environmentsHoldNoSecret(d document) (bad []string) {
	for name, p := range d.Parameters {
		if p.NoEcho != nil {
			bad = append(bad, fmt.Sprintf("parameter %s takes a secret; take the ARN of one", name))
		}
	}
	for _, name := range d.each("AWS::Lambda::Function") {
		variables, _ := d.Resources[name].at("Environment", "Variables").(map[string]any)
		want := environment(name)
		for key, value := range variables {
			if is := d.one(value); is != want[key] {
				bad = append(bad, fmt.Sprintf("%s has %s=%s, not %q", name, key, is, want[key]))
			}
			delete(want, key)
		}
		for key := range want {
			bad = append(bad, fmt.Sprintf("%s lacks %s", name, key))
		}
	}
	return bad
}
