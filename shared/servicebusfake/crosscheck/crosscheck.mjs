// Run by crosscheck_test.go, which says in CONNECTION where the namespace is.
import { ServiceBusClient } from "@azure/service-bus";
import assert from "node:assert/strict";
const c = new ServiceBusClient(process.env.CONNECTION);
const step = async (name, f) => {
  const start = Date.now();
  await f();
  console.log("ok", name, Date.now() - start, "ms");
};
const sender = c.createSender("q");
const receiver = c.createReceiver("q", { maxAutoLockRenewalDurationInMs: 0 });
const dead = c.createReceiver("q", { subQueueType: "deadLetter" });
const one = async (from = receiver) => {
  const [m] = await from.receiveMessages(1, { maxWaitTimeInMs: 10000 });
  assert(m, "no message");
  return m;
};
await step("send and receive", async () => {
  await sender.sendMessages({ messageId: "1", subject: "s", correlationId: "c", body: { a: 1 }, applicationProperties: { p: "v", n: 1.5, b: true } });
  const m = await one();
  assert.deepEqual([m.messageId, m.subject, m.correlationId, m.body, m.applicationProperties], ["1", "s", "c", { a: 1 }, { p: "v", n: 1.5, b: true }]);
  await receiver.completeMessage(m);
});
await step("duplicate dropped", async () => {
  await sender.sendMessages({ messageId: "1", body: "x" });
  assert.equal((await receiver.receiveMessages(1, { maxWaitTimeInMs: 300 })).length, 0);
});
await step("batch", async () => {
  const b = await sender.createMessageBatch();
  for (let i = 0; i < 5; i++) assert(b.tryAddMessage({ messageId: "b" + i, body: "x".repeat(30000) }));
  await sender.sendMessages(b);
  const got = [];
  while (got.length < 5) got.push(...await receiver.receiveMessages(5 - got.length, { maxWaitTimeInMs: 5000 }));
  for (const m of got) await receiver.completeMessage(m);
});
await step("schedule, peek, cancel", async () => {
  const [seq] = await sender.scheduleMessages([{ messageId: "s1", body: "x" }], new Date(Date.now() + 60000));
  const [p] = await receiver.peekMessages(5);
  assert.deepEqual([p.messageId, p.state], ["s1", "scheduled"]);
  await sender.cancelScheduledMessages(seq);
  const due = Date.now() + 700;
  await sender.scheduleMessages([{ messageId: "s2", body: "x" }], new Date(due));
  const m = await one();
  assert(Date.now() >= due);
  assert.equal(m.messageId, "s2");
  await receiver.completeMessage(m);
});
await step("renew, lose the lock", async () => {
  await sender.sendMessages({ messageId: "l", body: "x" });
  const m = await one();
  await new Promise(r => setTimeout(r, 1000));
  const until = await receiver.renewMessageLock(m);
  assert(until > Date.now() + 1500);
  const again = await one();
  assert.equal(again.deliveryCount, 1);
  await assert.rejects(receiver.completeMessage(m), e => e.code === "MessageLockLost");
  await receiver.completeMessage(again);
});
await step("abandon, max deliveries, dead letters", async () => {
  await sender.sendMessages({ messageId: "a", body: "x" });
  for (let i = 0; i < 3; i++) {
    const m = await one();
    assert.equal(m.deliveryCount ?? 0, i);
    await receiver.abandonMessage(m, { why: "x" });
  }
  let d = await one(dead);
  assert.deepEqual([d.deadLetterReason, d.applicationProperties.why], ["MaxDeliveryCountExceeded", "x"]);
  await dead.completeMessage(d);
  await sender.sendMessages({ messageId: "d", body: "x" });
  await receiver.deadLetterMessage(await one(), { deadLetterReason: "r", deadLetterErrorDescription: "t", extra: "e" });
  d = await one(dead);
  assert.deepEqual([d.deadLetterReason, d.deadLetterErrorDescription, d.applicationProperties.extra], ["r", "t", "e"]);
  await dead.completeMessage(d);
});
await step("defer", async () => {
  await sender.sendMessages({ messageId: "f", body: "x" });
  const m = await one();
  await receiver.deferMessage(m);
  const [f] = await receiver.receiveDeferredMessages(m.sequenceNumber);
  assert.equal(f.messageId, "f");
  await receiver.completeMessage(f);
});
await step("subscribe 200", async () => {
  let n = 0;
  const handlers = { processMessage: async () => { n++; }, processError: async a => { throw a.error; } };
  const sub = receiver.subscribe(handlers, { maxConcurrentCalls: 10 });
  await Promise.all([...Array(200).keys()].map(i => sender.sendMessages({ messageId: "n" + i, body: "x" })));
  while (n < 200) await new Promise(r => setTimeout(r, 5));
  await sub.close();
});
await step("unknown queue", async () => assert.rejects(c.createSender("nowhere").sendMessages({ body: "x" }), e => e.code === "MessagingEntityNotFound"));
await c.close();
