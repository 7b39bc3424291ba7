package main

import "math"

// The model: what one onboarding with its later offboarding makes.
const (
	// messages are checkfitness, create, assignrole, 13 tries of grantrolegroup
	// (docs/decisions/008), two of handover, five steps of revoke, and five notices.
	messages = 28
	// atOnce are those of them that are due when they are sent, and wake their consumer.
	atOnce = 14
	// perMessage are the operations of Service Bus: send, receive, complete.
	perMessage = 3
	// atWork is how long a message is worked on, most of it waiting for Microsoft, in seconds.
	atWork = 2.0
	// together is how many one invocation works on at once, if there are as many.
	together = 8
	// webhooks are calls of the HTTP API: ticket, offboarding, and some of an operator.
	webhooks = 4
	// logged is what is written for one message, in bytes.
	logged = 1500
)

// The template: what there is, whatever the load.
const (
	month     = 30 * 24 * 60 * 60.0    // seconds
	consumers = 10                     // the functions with a queue
	ticks     = consumers * month / 60 // each of them each minute
	// memory is that of these functions together, and of one of them, in GB.
	memory      = (consumers-1)*0.25 + 0.5
	memoryOfOne = 0.25
	// empty is how long a tick or a wake takes that finds nothing, in seconds.
	empty = 2.0
	// poll is how long a tick listens where DrainPoll is 50s.
	poll = 50.0
	// looks are the operations of a tick: it receives, and looks how deep the queue is.
	looks = 6
	// loggedByTick is what a tick writes, in bytes: Lambda's own lines and the metrics.
	loggedByTick = 2500
	secrets      = 4
	// metrics are five for each queue, and about 20 that count deliveries, waits and syncs.
	metrics = 5*consumers + 20
	// watched are those that an alarm looks at: dead letters and the oldest message of each
	// queue, the age of syncs, waits of each function, failures of each (and of two on
	// HTTP), and what reached no function.
	watched = consumers + consumers + 1 + consumers + consumers + 2 + 1
	// busy is from how many onboardings a day a small database is not enough.
	busy = 20_000
	// perWorker is how many onboardings a day one container works on.
	perWorker = 50_000
)

// item is a part of a bill, in US dollars a month.
type item struct {
	What string
	USD  float64
}

// way is a way of running Usher.
type way struct {
	Name string
	// Ready and Delayed say how late a message is worked on that is due at once, and one
	// that waited.
	Ready, Delayed string
	// bill gives the parts for a number of onboardings a day.
	bill func(perDay float64) []item
}

var ways = []way{
	{"one machine, SQLite (usher serve)", "none", "none", func(float64) []item {
		return []item{{"machine", machineMonth.USD}}
	}},
	{"Lambda, drained each minute", "0-60 s", "0-60 s", func(n float64) []item {
		return onLambda(n, 0, empty)
	}},
	{"Lambda, woken and drained (default)", "about 1 s", "0-60 s", func(n float64) []item {
		return onLambda(n, wakes(n), empty)
	}},
	{"Lambda, listening (DrainPoll=50s)", "< 1 s, at most 10 s", "< 1 s, at most 10 s", func(n float64) []item {
		return onLambda(n, 0, poll)
	}},
	{"container on Fargate", "none", "none", onFargate},
}

// wakes are invocations a month: one for each message due at once, but no function is
// woken more often than every two seconds.
func wakes(perDay float64) float64 {
	return math.Min(perDay*30*atOnce, consumers*month/2)
}

func onLambda(perDay, woken, tick float64) []item {
	handled := perDay * 30 * messages
	seconds := ticks*tick*memory/consumers + woken*empty*memoryOfOne
	if tick < poll {
		seconds += handled * atWork / overlap(handled) * memoryOfOne
	}
	calls := perDay * 30 * webhooks
	logs := (ticks*loggedByTick + woken*loggedByTick + handled*logged) / 1e9
	return append(shared(perDay, ticks*looks+woken*looks),
		item{"functions", (ticks+woken+calls)/1e6*lambdaRequests.USD + (seconds+calls*0.1*memoryOfOne)*lambdaGBSecond.USD},
		item{"HTTP API, schedules, secrets", calls/1e6*httpAPI.USD + above(ticks, freeSchedulerCalls)/1e6*schedulerCalls.USD + secrets*secretMonth.USD},
		item{"logs, metrics, alarms", logs*logGB.USD + metrics*metricMonth.USD + watched*alarmMonth.USD},
	)
}

// overlap is how many messages of one function are worked on at once, on average.
func overlap(handled float64) float64 {
	return math.Min(together, math.Max(1, handled/month*atWork/consumers))
}

func onFargate(perDay float64) []item {
	workers := math.Ceil(perDay / perWorker)
	return append(shared(perDay, 0), item{"containers", workers * fargateMonth.USD}, item{"load balancer", balancerMonth.USD}, item{"secrets", secrets * secretMonth.USD})
}

// shared are the engines that several processes share.
func shared(perDay, looking float64) []item {
	database := smallDatabase
	if perDay > busy {
		database = largeDatabase
	}
	used := perDay*30*messages*perMessage + looking
	return []item{
		{"Service Bus", namespaceMonth.USD + above(used, freeOperations)/1e6*operations.USD},
		{"PostgreSQL", database.USD},
	}
}

func above(n, free float64) float64 { return math.Max(0, n-free) }

func total(items []item) (sum float64) {
	for _, i := range items {
		sum += i.USD
	}
	return sum
}
