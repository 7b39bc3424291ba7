"""A rule of our own for cfn-lint: the time zone of a schedule must exist."""

from zoneinfo import available_timezones

from cfnlint.rules import CloudFormationLintRule, RuleMatch


class TimeZoneExists(CloudFormationLintRule):
    """EventBridge Scheduler takes the names of the IANA time zone database."""

    id = "E9901"
    shortdesc = "The time zone of a schedule must exist"
    description = "ScheduleExpressionTimezone must be in the IANA time zone database of this machine"
    tags = ["resources", "scheduler"]

    def match(self, cfn):
        known = available_timezones()
        return [
            RuleMatch(path, self._message(zone, known))
            for name, resource in cfn.get_resources("AWS::Scheduler::Schedule").items()
            for zone in [resource.get("Properties", {}).get("ScheduleExpressionTimezone")]
            for path in [["Resources", name, "Properties", "ScheduleExpressionTimezone"]]
            if zone not in known
        ]

    @staticmethod
    def _message(zone, known):
        if not known:
            return "this machine has no time zone database; install tzdata"
        return f"{zone!r} is not a time zone"
