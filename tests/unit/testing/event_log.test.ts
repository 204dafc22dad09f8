import assert from "node:assert/strict";
import { EventLog } from "../../../src/testing/event_log.ts";

const login = (connection: number) => ({ connection, user: "me" });

Deno.test("EventLog.waitFor finds what was, waits for what comes, and counts both", async () => {
  const log = new EventLog();
  log.add("login", login(1));
  assert.equal((await log.waitFor("login")).connection, 1);
  const third = log.waitFor("login", { count: 2, where: ({ connection }) => connection > 1 });
  for (const connection of [2, 3]) log.add("login", login(connection));
  assert.equal((await third).connection, 3);
});

Deno.test("EventLog.waitFor tells what there was instead, and heeds its signal", async () => {
  const log = new EventLog();
  log.add("login", login(1));
  await assert.rejects(log.waitFor("shell", { timeoutMs: 1 }), {
    code: "timeout",
    message: 'Waited 1 ms for 1 event(s) "shell" that fit: there were 0',
    hint: "The last events were: login",
  });
  await assert.rejects(log.waitFor("shell", { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
});

Deno.test("EventLog.onEvent tells until it is disposed; a listener that throws is reported, and the others are told", () => {
  const log = new EventLog();
  const told: number[] = [];
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  try {
    const failure = new Error("no");
    using _throws = log.onEvent(() => {
      throw failure;
    });
    {
      using _listening = log.onEvent((event) => told.push("connection" in event ? event.connection : 0));
      log.add("login", login(1));
    }
    log.add("login", login(2));
    assert.deepEqual([told, reported], [[1], [failure, failure]]);
  } finally {
    globalThis.removeEventListener("error", onError);
  }
});
