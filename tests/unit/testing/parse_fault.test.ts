import assert from "node:assert/strict";
import { FAULT_NAMES } from "../../../src/testing/faults.ts";
import { checkFault, parseFault } from "../../../src/testing/parse_fault.ts";

Deno.test("parseFault reads a name, a bare value for the main field, and further fields", () => {
  assert.deepEqual(parseFault("drop"), { name: "drop" });
  assert.deepEqual(parseFault("drop=times:2"), { name: "drop", times: 2 });
  assert.deepEqual(parseFault("slow-banner=3s"), { name: "slow-banner", delay: "3s" });
  assert.deepEqual(parseFault("disconnect=1000,phase:session,times:1"), {
    name: "disconnect",
    bytes: 1000,
    phase: "session",
    times: 1,
  });
  assert.deepEqual(parseFault("file-error=ENOSPC,path:/data"), { name: "file-error", errno: "ENOSPC", path: "/data" });
  assert.deepEqual(parseFault("http-status=302,location:https://login.example/"), {
    name: "http-status",
    status: 302,
    location: "https://login.example/",
  });
});

Deno.test("parseFault knows every fault", () => {
  const values: Record<string, string> = {
    "http-status": "=503",
    "slow-banner": "=1s",
    "auth-failures": "=2",
    "truncated-sftp": "=10",
    "file-error": "=EIO",
    latency: "=1s",
    bandwidth: "=1000",
    "idle-drop": "=1s",
  };
  for (const name of FAULT_NAMES) assert.equal(parseFault(`${name}${values[name] ?? ""}`).name, name);
});

Deno.test("parseFault says what is wrong", () => {
  const cases: [string, string][] = [
    ["slow", 'There is no fault named "slow"'],
    ["constructor", 'There is no fault named "constructor"'],
    ["http-status", 'Cannot use the fault "http-status": it needs status'],
    ["latency=soon", 'Cannot parse delay as a duration such as "30s": got "soon"'],
    [
      "disconnect=1,phase:later",
      'Cannot use the fault "disconnect": phase must be one of connect, kex, auth, session: got "later"',
    ],
    ["refuse=1", 'Cannot use the fault "refuse": "1" is not FIELD:VALUE'],
    ["bandwidth=fast", 'Cannot use the fault "bandwidth": bytesPerSecond must be a number above 0: got "fast"'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseFault(text), { code: "usage", message });
});

Deno.test("checkFault refuses fields that a fault does not have", () => {
  assert.throws(() => checkFault({ name: "drop", after: "1s" }), {
    message: 'Cannot use the fault "drop": it has no field "after"',
  });
  assert.throws(() => checkFault({ name: "file-error", errno: "full" }), {
    message: 'Cannot use the fault "file-error": errno must be the name of an error such as ENOSPC: got "full"',
  });
  assert.throws(() => checkFault({ name: "stall", after: "1s" }), { hint: "Its fields are phase, bytes, times" });
  assert.throws(() => checkFault({ name: "refuse", times: 1 }), { hint: "refuse stands alone" });
  assert.throws(() => checkFault(null), { code: "usage" });
});
