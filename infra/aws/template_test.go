package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// change is one way to break the template, and a part of what must be said about it;
// nothing where it is enough that something is.
type change struct{ name, old, new, want string }

// unlinted are the ways that the linter must find, by itself or by our rules for it. They
// are examined in two templates, for the linter takes seconds for each: the first alone,
// since schedules have one line number after the transform, and a rule speaks once for a line.
var unlinted = []change{
	{"false days in cron", "cron(0 2 * * ? *)", "cron(0 2 * * * *)", "E9002 Resources/fullsyncNight/Properties/ScheduleExpression"},
	{"unknown runtime", "Runtime: provided.al2023", "Runtime: provided.al2030", "E3030 Resources/create/Properties/Runtime"},
	{"false enum", `FlexibleTimeWindow: {Mode: "OFF"}`, `FlexibleTimeWindow: {Mode: "NEVER"}`, "E3030 Resources/createDrain/Properties/FlexibleTimeWindow/Mode"},
	{"dangling reference", "!Ref ServiceBusNamespace", "!Ref ServiceBusNamespaces", "'ServiceBusNamespaces' is not one of"},
	{"wrong attribute", "!GetAtt Undelivered.Arn", "!GetAtt Undelivered.Address", "'Address' is not one of"},
	{"time-out over the limit", "Timeout: 900", "Timeout: 6000", "6000 is greater than the maximum"},
	{"too little memory", "MemorySize: 256", "MemorySize: 64", "64 is less than the minimum"},
	{"key without a definition", "  AlarmTopic:\n    Type: AWS::SNS::Topic\n", table + "  AlarmTopic:\n    Type: AWS::SNS::Topic\n", "E3039 Resources/Table/Properties"},
	{"false plural in rate", "rate(1 minute)", "rate(1 minutes)", "E9002 Resources/createDrain/Properties/ScheduleExpression"},
	{"unknown time zone", "ScheduleExpressionTimezone: Etc/UTC", "ScheduleExpressionTimezone: Europe/Londn", "E9901 Resources/createDrain/Properties/ScheduleExpressionTimezone"},
}

const table = `  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: other, AttributeType: S}]
`

// harmful are the ways that the transform must find, or our rules.
var harmful = []change{
	{"unknown policy template", "      Role: !GetAtt createRole.Arn\n", "      Policies: [{SecretsManagerGetThing: {}}]\n", "[create] is invalid"},
	{"unknown property of a function", "    Handler: bootstrap\n", "    Handler: bootstrap\n    Handel: bootstrap\n", "'Handel' is not a supported property"},
	{"false type of authorization", "      Role: !GetAtt intakeRole.Arn\n", "      Role: !GetAtt intakeRole.Arn\n      FunctionUrlConfig: {AuthType: OPEN}\n", "AuthType"},
	{"package that does not exist", "bin/package/create.zip", "bin/package/kreate.zip", ""},
	{"another handler", "Handler: bootstrap", "Handler: main", ""},
	{"another processor", "Architectures: [arm64]", "Architectures: [x86_64]", ""},
	{"function without a folder", "  create:\n    Type: AWS::Serverless::Function", "  kreate:\n    Type: AWS::Serverless::Function", ""},
	{"no reserved concurrency", "      ReservedConcurrentExecutions: 10\n", "", ""},
	{"less time than an attempt", "    Timeout: 300", "    Timeout: 60", ""},
	{"more time than the gateway has", "      Timeout: 29", "      Timeout: 60", ""},
	{"drain every five minutes", "rate(1 minute)", "rate(5 minutes)", ""},
	{"sync at another hour", "cron(0 2 * * ? *)", "cron(0 3 * * ? *)", ""},
	{"sync by another clock", "cron(0 2 * * ? *)\n            ScheduleExpressionTimezone: Etc/UTC", "cron(0 2 * * ? *)\n            ScheduleExpressionTimezone: Europe/Paris", ""},
	{"sync on Sundays", "cron(0 2 * * ? *)", "cron(0 2 ? * SUN *)", ""},
	{"probe by day", "rate(1 hour)", "rate(1 day)", ""},
	{"no probe", `{"job":"probe"}`, `{"job":"drain"}`, ""},
	{"another job", `{"job":"drain"}`, `{"job":"drian"}`, ""},
	{"ticks are lost", "            DeadLetterConfig: {Arn: !GetAtt Undelivered.Arn}\n", "", ""},
	{"failures are lost", "          OnFailure: {Type: SQS, Destination: !GetAtt Undelivered.Arn}", "          OnSuccess: {Type: SQS, Destination: !GetAtt Undelivered.Arn}", ""},
	{"logs for ever", "      RetentionInDays: !Ref LogRetentionDays\n", "", ""},
	{"secret in the environment", "USHER_API_TOKEN: !Sub aws-secretsmanager:${ApiTokenSecretArn}", "USHER_API_TOKEN: !Sub '{{resolve:secretsmanager:${ApiTokenSecretArn}}}'", ""},
	{"secret as a parameter", "  AlarmEmail:\n    Type: String\n", "  AlarmEmail:\n    Type: String\n    NoEcho: true\n", ""},
	{"secret where it is not needed", "Resource: !Ref WebhookSecretArn", "Resource: [!Ref WebhookSecretArn, !Ref ApiTokenSecretArn]", ""},
	{"approvers' tokens where they are not needed", "          USHER_WEBHOOK_SECRET: !Sub", "          USHER_APPROVER_TOKENS: !Sub aws-secretsmanager:${ApproverTokensSecretArn}\n          USHER_WEBHOOK_SECRET: !Sub", ""},
	{"approvers' tokens in the environment", "!Sub \"aws-secretsmanager:${ApproverTokensSecretArn}\"", "!Sub \"{{resolve:secretsmanager:${ApproverTokensSecretArn}}}\"", ""},
	{"any secret", "Resource: !Ref ApiTokenSecretArn", `Resource: "*"`, ""},
	{"any action", "Action: sqs:SendMessage", `Action: "sqs:*"`, ""},
	{"a wake too many", "function:${AWS::StackName}-revoke", "function:${AWS::StackName}-intake", ""},
	{"token for anybody", `              "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "api://AzureADTokenExchange"}` + "\n", "", ""},
	{"token for an hour", `"sts:DurationSeconds": 300`, `"sts:DurationSeconds": 3600`, ""},
	{"role for anybody", "Principal: {Service: lambda.amazonaws.com}", `Principal: {AWS: "*", Service: lambda.amazonaws.com}`, ""},
	{"policy from elsewhere", "        - !Ref EveryFunction\n", "        - !Ref EveryFunction\n        - arn:aws:iam::aws:policy/AdministratorAccess\n", ""},
	{"consents where nothing is granted", "          USHER_WEBHOOK_SECRET: !Sub", "          USHER_CONSENTS_CLIENT_ID: !Ref ConsentsClientId\n          USHER_WEBHOOK_SECRET: !Sub", ""},
	{"consents by the provisioner", "          USHER_CONSENTS_CLIENT_ID: !If [HasConsents, !Ref ConsentsClientId, !Ref AWS::NoValue]\n", "", ""},
	{"provisioner on the internet", "AZURE_CLIENT_ID: !Ref MessengerClientId", "AZURE_CLIENT_ID: !Ref ProvisionerClientId", ""},
	{"webhook at another path", "Path: /webhooks/standard", "Path: /webhooks/other", ""},
	{"addresses in the log", `"route":"$context.routeKey"`, `"route":"$context.path"`, ""},
	{"page of a link that nobody reaches", `Method: POST, Path: "/handover/{key}/{token}"`, `Method: PUT, Path: "/handover/{key}/{token}"`, ""},
	{"consent that ends nowhere", "Path: /consent/callback", "Path: /consent", ""},
	{"webhook not throttled", `"POST /webhooks/standard": {ThrottlingRateLimit: 20, ThrottlingBurstLimit: 50}`, `"POST /webhooks/standard": {DetailedMetricsEnabled: true}`, ""},
	{"alarm nobody hears", "      AlarmActions: [!Ref AlarmTopic]\n", "", ""},
	{"alarm on nothing", "usher_queue_messages", "usher_queue_depth", ""},
	{"function nobody watches", "Value: !Ref notify}", "Value: !Ref create}", ""},
	{"alarm of too many", "        - {Id: all, Expression: SUM(METRICS())}\n", strings.Repeat("        - {Id: all, Expression: SUM(METRICS())}\n", 6), ""},
	{"domain's password for who makes no account", "                Resource: !GetAtt assignroleLog.Arn\n", "                Resource: !GetAtt assignroleLog.Arn\n              - Effect: Allow\n                Action: secretsmanager:GetSecretValue\n                Resource: !Ref DomainPasswordSecretArns\n", "which it does not need"},
	{"no password for the domain", domainRight, "", "which it needs"},
	{"any password for the domain", "DomainPasswordSecretArns:\n    Type: CommaDelimitedList\n    Default: \"\"\n    Description: >-\n", "DomainPasswordSecretArns:\n    Type: CommaDelimitedList\n    Default: \"*\"\n    Description: >-\n", ""},
	{"any brought password", "secret:[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]*/\\*)?'", "secret:.*)?'", "BroughtPasswordArns takes"},
	{"brought passwords by nobody", "Resource: !Ref BroughtPasswordArns", "Resource: !Ref SourceSecretArns", ""},
	{"sources' secrets without a pattern", "    Description: Secrets of webhooks.sources in usher.yaml, with commas; only intake may read them. Empty where the one above is all.\n    AllowedPattern", "    Description: Secrets of webhooks.sources\n    ConstraintDescription", "SourceSecretArns has no pattern"},
	{"sources' secrets by nobody", "Resource: !Ref SourceSecretArns", "Resource: !Ref WebhookSecretArn", "which it needs"},
	{"far from the domain", "        - SubnetIds: !Ref DomainSubnetIds\n", "        - SubnetIds: !Ref SubnetIds\n", "create is in"},
	{"in the domain's network without a guard", "          SecurityGroupIds: !Ref DomainSecurityGroupIds\n", "          SecurityGroupIds: !Ref SecurityGroupIds\n", "create is in"},
	{"near the domain without an interface", "!If [InEitherVpc, !Sub", "!If [InVpc, !Sub", "createRole may have network interfaces"},
	{"everybody near the domain", "      - SubnetIds: !Ref SubnetIds\n", "      - SubnetIds: !Ref DomainSubnetIds\n", "assignrole is in"},
	{"nobody in the VPC", "    VpcConfig: !If\n      - InVpc\n", "    VpcConfig: !If\n      - HasMail\n", "the network of assignrole"},
	{"interfaces in one network only", "!Or [!Condition InVpc, !Condition NearDomain]", "!Or [!Condition InVpc, !Condition InVpc]", "condition InEitherVpc"},
	{"condition on another parameter", "HasDomain: !Not [!Equals [!Join [\"\", !Ref DomainPasswordSecretArns]", "HasDomain: !Not [!Equals [!Join [\"\", !Ref SourceSecretArns]", "condition HasDomain"},
	{"right under another condition", "                - HasDomain\n", "                - HasMail\n", "where [HasMail], not where HasDomain"},
}

const domainRight = `              - !If
                - HasDomain
                - Effect: Allow
                  Action: secretsmanager:GetSecretValue
                  Resource: !Ref DomainPasswordSecretArns
                - !Ref AWS::NoValue
`

func (c change) in(t *testing.T, text string) string {
	t.Helper()
	require.Contains(t, text, c.old, c.name)
	return strings.Replace(text, c.old, c.new, 1)
}

const whole, first, others = "as it is", "the first change", "all other changes"

func TestTemplate(t *testing.T) {
	if !haveTools(t) {
		return
	}
	templates := map[string]string{whole: source(t), first: source(t), others: source(t)}
	of := func(i int) string {
		if i == 0 {
			return first
		}
		return others
	}
	for i, c := range unlinted {
		templates[of(i)] = c.in(t, templates[of(i)])
	}
	verdicts := judge(t, templates, true)
	assert.Empty(t, verdicts[whole].lint)
	assert.Empty(t, verdicts[whole].rules)
	for i, c := range unlinted {
		assert.Contains(t, strings.Join(verdicts[of(i)].lint, "\n"), c.want, c.name)
	}
}

func TestRulesCatchWhatTheLinterDoesNot(t *testing.T) {
	if !haveTools(t) {
		return
	}
	templates := map[string]string{whole: source(t)}
	for _, c := range harmful {
		templates[c.name] = c.in(t, source(t))
	}
	verdicts := judge(t, templates, false)
	for _, c := range harmful {
		found := slices.DeleteFunc(verdicts[c.name].rules, func(s string) bool { return slices.Contains(verdicts[whole].rules, s) })
		assert.NotEmpty(t, found, c.name)
		assert.Contains(t, strings.Join(found, "\n"), c.want, c.name)
	}
}

func TestNext(t *testing.T) {
	after := time.Date(2026, 11, 21, 20, 4, 10, 0, time.UTC)
	for _, tt := range []struct{ expression, zone, want string }{
		{"rate(1 minute)", "Etc/UTC", "2026-11-21T20:05:10Z"},
		{"rate(2 hours)", "Etc/UTC", "2026-11-21T22:04:10Z"},
		{"cron(0 2 * * ? *)", "Etc/UTC", "2026-11-22T02:00:00Z"},
		{"cron(0 2 * * ? *)", "America/New_York", "2026-11-22T07:00:00Z"},
		{"cron(30 4 ? * SUN *)", "Etc/UTC", "2026-11-22T04:30:00Z"},
		{"cron(0 2 * * ? 2027)", "Etc/UTC", "2027-01-01T02:00:00Z"},
	} {
		got, err := next(tt.expression, tt.zone, after)
		require.NoError(t, err, tt.expression)
		assert.Equal(t, tt.want, got.UTC().Format(time.RFC3339), tt.expression)
	}
	for _, tt := range [][2]string{
		{"rate(1 minutes)", "Etc/UTC"}, {"rate(2 minute)", "Etc/UTC"}, {"rate(0 minutes)", "Etc/UTC"}, {"rate(1 second)", "Etc/UTC"},
		{"cron(0 2 * * * *)", "Etc/UTC"}, {"cron(0 2 ? * ? *)", "Etc/UTC"}, {"cron(0 2 * * ?)", "Etc/UTC"}, {"cron(0 25 * * ? *)", "Etc/UTC"},
		{"cron(0 2 ? * 1 *)", "Etc/UTC"}, {"0 2 * * *", "Etc/UTC"}, {"rate(1 minute)", "Europe/Londn"}, {"rate(1 minute)", ""},
	} {
		_, err := next(tt[0], tt[1], after)
		assert.Error(t, err, tt)
	}
}
