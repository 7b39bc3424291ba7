// Package servicebusfake is an Azure Service Bus namespace inside the process: an AMQP
// 1.0 server that the real client drives over a pipe, a loopback port or TLS. It holds
// queues with locks, delivery counts, duplicate detection, scheduled messages and dead
// letters, answers $management and $cbs, and fails on command.
//
// It shows agreement with our reading of Microsoft's protocol guide
// (https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide)
// and of its request/response page, no more. Sessions of messages, topics, transactions
// and partitions are not part of it, and it trusts the client's session windows.
package servicebusfake
