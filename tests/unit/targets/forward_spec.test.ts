import assert from "node:assert/strict";
import { onSameMachine, parseForward, parseForwards } from "../../../src/targets/forward_spec.ts";

Deno.test("parseForward knows the services by name", () => {
  assert.deepEqual(parseForward("tensorboard"), {
    name: "tensorboard",
    localPort: 6006,
    remotePort: 6006,
    isLocalPortFixed: false,
    isHttp: true,
  });
  assert.deepEqual(["jupyter", "debugpy"].map((name) => parseForward(name).remotePort), [8888, 5678]);
  assert.equal(parseForward("debugpy").isHttp, false);
});

Deno.test("parseForward takes a port, and LOCAL:REMOTE as ssh -L does", () => {
  assert.deepEqual(parseForward("8080"), {
    name: "8080",
    localPort: 8080,
    remotePort: 8080,
    isLocalPortFixed: false,
    isHttp: false,
  });
  const both = parseForward("9000:8080");
  assert.deepEqual([both.localPort, both.remotePort, both.isLocalPortFixed], [9000, 8080, true]);
});

Deno.test("parseForward lets a service have another port on either side", () => {
  const there = parseForward("tensorboard:7007");
  assert.deepEqual([there.name, there.remotePort, there.isLocalPortFixed, there.isHttp], [
    "tensorboard",
    7007,
    false,
    true,
  ]);
  const here = parseForward("9000:jupyter");
  assert.deepEqual([here.name, here.localPort, here.remotePort, here.isLocalPortFixed], ["jupyter", 9000, 8888, true]);
});

for (const text of ["", "grafana", "0", "65536", "80:0", "1:2:3", "-1", "80:", ":80", "8e3", "constructor"]) {
  Deno.test(`parseForward rejects ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseForward(text), { code: "usage" });
  });
}

Deno.test("parseForwards rejects one local port for two tunnels, and no tunnel at all", () => {
  assert.throws(() => parseForwards(["9000:1", "9000:2"]), {
    code: "usage",
    message: "Cannot forward the local port 9000 to two places",
  });
  assert.throws(() => parseForwards([]), { code: "usage" });
  assert.equal(parseForwards(["8080", "8080"]).length, 2);
});

Deno.test("onSameMachine leaves a local port alone only where it was named", () => {
  assert.equal(onSameMachine(parseForward("8080")).localPort, 0);
  assert.equal(onSameMachine(parseForward("9000:8080")).localPort, 9000);
});
