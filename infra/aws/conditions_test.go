package aws

import (
	"fmt"
	"maps"
	"slices"
)

// asks says what each condition of the template looks at: parameters, or other conditions.
var asks = map[string][]string{
	"HasMail": {"MailAddress"}, "HasMailPassword": {"MailPasswordSecretArn"}, "HasCallback": {"CallbackSecretArn"},
	"HasConsents": {"ConsentsClientId"}, "HasApproverTokens": {"ApproverTokensSecretArn"}, "HasAlarmEmail": {"AlarmEmail"},
	"InVpc": {"SubnetIds"}, "NearDomain": {"DomainSubnetIds"}, "InEitherVpc": {"InVpc", "NearDomain"},
	"HasSources": {"SourceSecretArns"}, "HasBroughtPasswords": {"BroughtPasswordArns"}, "HasDomain": {"DomainPasswordSecretArns"},
}

// givenWhere says under which condition a right on a parameter's secrets is given: a right
// on nothing cannot be deployed.
var givenWhere = map[string]string{
	"${CallbackSecretArn}": "HasCallback", "${MailPasswordSecretArn}": "HasMailPassword", "${ApproverTokensSecretArn}": "HasApproverTokens",
	"${SourceSecretArns}": "HasSources", "${BroughtPasswordArns}": "HasBroughtPasswords", "${DomainPasswordSecretArns}": "HasDomain",
}

func conditionsMeanWhatTheySay(d document) (bad []string) {
	for name, c := range d.Conditions {
		if is := names(c); !slices.Equal(is, asks[name]) {
			bad = append(bad, fmt.Sprintf("condition %s looks at %v, not at %v", name, is, asks[name]))
		}
	}
	for _, role := range d.each("AWS::IAM::Role") {
		policies, _ := d.Resources[role].at("Policies").([]any)
		for _, p := range policies {
			statements, _ := at(p, "PolicyDocument", "Statement").([]any)
			for _, s := range statements {
				bad = append(bad, d.underItsCondition(role, s)...)
			}
		}
	}
	return bad
}

func (d document) underItsCondition(role string, statement any) (bad []string) {
	where := chosen(statement)
	for _, s := range values(statement) {
		for _, resource := range d.texts(at(s, "Resource")) {
			if want, conditional := givenWhere[resource]; conditional && !slices.Equal(where, []string{want}) {
				bad = append(bad, fmt.Sprintf("%s has its right on %s where %v, not where %s", role, resource, where, want))
			}
		}
	}
	return bad
}

// chosen gives the conditions that decide on a value, the outer one first.
func chosen(v any) (all []string) {
	choice, ok := at(v, "Fn::If").([]any)
	if !ok || len(choice) != 3 {
		return nil
	}
	return append(append([]string{fmt.Sprint(choice[0])}, chosen(choice[1])...), chosen(choice[2])...)
}

// names lists the parameters and conditions that a condition looks at, in order.
func names(v any) (all []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			all = append(all, names(e)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if name, ok := v[key].(string); ok && (key == "Ref" || key == "Condition") {
				all = append(all, name)
				continue
			}
			all = append(all, names(v[key])...)
		}
	}
	return all
}
