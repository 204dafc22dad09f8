import assert from "node:assert/strict";
import { deadline, orAbort, sleep } from "../../../src/base/abort.ts";

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
