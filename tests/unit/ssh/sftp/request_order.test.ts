import assert from "node:assert/strict";
import { EXCLUSIVE, RequestOrder } from "../../../../src/ssh/sftp/request_order.ts";

Deno.test("RequestOrder.run gives a synchronous result at once when nothing is before it", () => {
  const order = new RequestOrder();
  assert.equal(order.run("io", () => 7), 7);
  assert.throws(() => order.run("io", () => assert.fail("no")));
  assert.equal(order.run(EXCLUSIVE, () => 8), 8);
});

Deno.test("RequestOrder.run lets one kind overlap and keeps other kinds behind it, in order", async () => {
  const order = new RequestOrder();
  const log: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const step = (name: string, gate?: Promise<void>) => async () => {
    log.push(`+${name}`);
    await gate;
    log.push(`-${name}`);
  };
  const all = [
    order.run("io", step("a", gates[0].promise)),
    order.run("io", step("b")),
    order.run(EXCLUSIVE, step("c", gates[1].promise)),
    order.run("io", step("d")),
    order.run("lookup", step("e")),
  ];
  assert.deepEqual(log, ["+a", "+b"]);
  assert.equal(order.isOpenTo("io"), false);
  gates[0].resolve();
  await Promise.all(all.slice(0, 2));
  gates[1].resolve();
  await Promise.all(all);
  assert.deepEqual(log, ["+a", "+b", "-b", "-a", "+c", "-c", "+d", "-d", "+e", "-e"]);
});

Deno.test("RequestOrder.run goes on after a failure", async () => {
  const order = new RequestOrder();
  const first = order.run(EXCLUSIVE, () => Promise.reject(new Error("no")));
  const second = order.run(EXCLUSIVE, () => 2);
  await assert.rejects(async () => await first, { message: "no" });
  assert.equal(await second, 2);
  const third = order.run("io", () => Promise.resolve(3));
  const fourth = order.run(EXCLUSIVE, () => {
    throw new Error("late");
  });
  await assert.rejects(async () => await fourth, { message: "late" });
  assert.equal(await third, 3);
});
