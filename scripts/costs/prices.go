package main

// price is what something costs, in US dollars before tax.
type price struct {
	USD float64
	// For says of what, and Where the price stands and when it was looked up. Look it up
	// again for your region: most are those of us-east-1.
	For, Where string
	// Recalled marks a price that was written down from memory and not looked up.
	Recalled bool
}

// Where prices stand. Pages of vendors were read as stored copies in November 2026.
const (
	lambdaPage = "cloudchipr.com/blog/aws-lambda-pricing, us-east-1, read November 2026"
	watchPages = "signoz.io/guides/cloudwatch-pricing and factualminds.com, us-east-1, read November 2026"
	recalled   = "us-east-1, noted November 2026"
	recalledAz = "East US, noted November 2026"
)

// The prices. To recompute with other ones change them here and run the script again.
var (
	lambdaRequests = price{0.20, "Lambda, 1 million requests", lambdaPage, false}
	lambdaGBSecond = price{0.0000133334, "Lambda, GB-second on arm64", lambdaPage, false}
	logGB          = price{0.50, "CloudWatch Logs, 1 GB taken in", watchPages, false}
	metricMonth    = price{0.30, "CloudWatch, a metric of our own for a month", watchPages, false}
	alarmMonth     = price{0.10, "CloudWatch, a metric watched by an alarm for a month", recalled, true}
	httpAPI        = price{1.00, "API Gateway HTTP API, 1 million requests", recalled, true}
	schedulerCalls = price{1.00, "EventBridge Scheduler, 1 million calls after 14 million", recalled, true}
	secretMonth    = price{0.40, "Secrets Manager, a secret for a month", recalled, true}
	smallDatabase  = price{11.68 + 2.30, "RDS for PostgreSQL, db.t4g.micro with 20 GB, for a month", recalled, true}
	largeDatabase  = price{122.64 + 11.50, "RDS for PostgreSQL, db.m7g.large with 100 GB, for a month", recalled, true}
	natMonth       = price{32.85, "NAT gateway for a month, without traffic", recalled, true}
	fargateMonth   = price{7.21, "Fargate on arm64, 0.25 vCPU and 0.5 GB, for a month", recalled, true}
	balancerMonth  = price{16.43, "Application Load Balancer for a month, without traffic", recalled, true}
	machineMonth   = price{12.26 + 1.60, "EC2 t4g.small with 20 GB, for a month", recalled, true}
	namespaceMonth = price{9.81, "Service Bus Standard, a namespace for a month, with 13 million operations", recalledAz, true}
	operations     = price{0.80, "Service Bus Standard, 1 million operations after that", recalledAz, true}
)

// prices are all of them, in the order they are printed.
var prices = []price{
	lambdaRequests, lambdaGBSecond, logGB, metricMonth, alarmMonth, httpAPI, schedulerCalls, secretMonth, smallDatabase, largeDatabase, natMonth,
	fargateMonth, balancerMonth, machineMonth, namespaceMonth, operations,
}

// What is included before the prices count. Free tiers of new accounts are left out.
const (
	freeSchedulerCalls = 14e6
	freeOperations     = 13e6
)
