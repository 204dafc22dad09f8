import assert from "node:assert/strict";
import { deadline, orAbort, sleep } from "../../../src/base/abort.ts";
import { after } from "../../../src/base/every.ts";

Deno.test("sleep rejects with the reason as soon as its signal aborts", async () => {
  const controller = new AbortController();
  const sleeping = sleep(3_600_000, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
});

Deno.test("orAbort settles as the promise does when that comes first", async () => {
  assert.equal(await orAbort(Promise.resolve(7), new AbortController().signal), 7);
  assert.equal(await orAbort(Promise.resolve(7), undefined), 7);
});

Deno.test("orAbort rejects at once when the signal has aborted before", async () => {
  await assert.rejects(orAbort(new Promise(() => {}), AbortSignal.abort(new Error("gone"))), /gone/);
});

Deno.test("deadline aborts with its reason, and with its parent's before that", async () => {
  {
    using limit = deadline(1, { reason: () => new Error("late") });
    await assert.rejects(orAbort(new Promise(() => {}), limit.signal), /late/);
  }
  const parent = new AbortController();
  using limit = deadline(3_600_000, { signal: parent.signal, reason: () => new Error("late") });
  parent.abort(new Error("parent"));
  assert.match(String(limit.signal.reason), /parent/);
});

Deno.test("a wait that is longer than a timer can be does not end at once", async () => {
  const controller = new AbortController();
  const sleeping = sleep(2 ** 32, controller.signal);
  using limit = deadline(2 ** 32, { reason: () => new Error("late") });
  let hasRun = false;
  using _later = after(2 ** 32, () => hasRun = true);
  await sleep(50);
  assert.equal(limit.signal.aborted, false);
  assert.equal(hasRun, false);
  controller.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
});
