import assert from "node:assert/strict";
import { AppError } from "../../../src/base/errors.ts";
import { awaitRoute, type ProbeAnswer } from "../../../src/targets/await_route.ts";
import type { ResolveState } from "../../../src/targets/resolve_state.ts";

const READY: ResolveState = {
  kind: "ready",
  resolved: { route: { kind: "tcp", host: "h", port: 1 }, runName: "r", actionName: "a0", attempt: 0 },
};

async function* states(...list: ResolveState[]): AsyncGenerator<ResolveState> {
  yield* list;
}

Deno.test("awaitRoute tells each state on the way and asks the route until it is up", async () => {
  const lines: string[] = [];
  const plain: string[] = [];
  const answers: ProbeAnswer[] = [{ isUp: false, found: "502" }, { isUp: true }];
  const before: ResolveState[] = [
    { kind: "waiting", phase: "QUEUED" },
    { kind: "waiting", phase: "RUNNING", message: "pulling" },
  ];
  const resolved = await awaitRoute({
    runName: "train",
    pollIntervalMs: 1,
    timeoutMs: 60_000,
    resolve: () => states(...before.splice(0), READY),
    probe: () => Promise.resolve(answers.shift() ?? { isUp: true }),
    onProgress: (line, state) => {
      lines.push(line.replace(/\(.*\)/, "(t)"));
      plain.push(state);
    },
  });
  assert.equal(resolved.runName, "r");
  assert.deepEqual(plain, ["train: QUEUED", "train: RUNNING: pulling", "train: 502"]);
  assert.deepEqual(lines, ["train: QUEUED (t)", "train: RUNNING: pulling (t)", "train: 502 (t)"]);
});

Deno.test("awaitRoute's timeout tells the last state that was seen, and ends what hangs", async () => {
  async function* stuck(signal: AbortSignal): AsyncGenerator<ResolveState> {
    yield { kind: "waiting", phase: "INITIALIZING", message: "ImagePullBackOff" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  const waiting = awaitRoute({
    runName: "train",
    pollIntervalMs: 1,
    timeoutMs: 20,
    resolve: stuck,
    probe: () => Promise.resolve({ isUp: true }),
    onProgress: () => {},
  });
  await assert.rejects(waiting, {
    code: "timeout",
    message: 'Cannot reach "train" within 20ms; the last that was seen: INITIALIZING: ImagePullBackOff',
  });
});

Deno.test("awaitRoute's timeout tells phase and latest event of a run whose route does not answer", async () => {
  const waiting = (probe: () => Promise<ProbeAnswer>) =>
    awaitRoute({
      runName: "train",
      pollIntervalMs: 1,
      timeoutMs: 20,
      resolve: () => states({ ...READY, phase: "RUNNING", message: "Vscode server is ready" }),
      probe,
      onProgress: () => {},
    });
  const seen = (found: string) => ({ details: { lastState: `RUNNING: Vscode server is ready; ${found}` } });
  await assert.rejects(waiting(() => Promise.resolve({ isUp: false, found: "502" })), seen("502"));
});

Deno.test("awaitRoute shows what a cluster says on one line that steers no terminal and holds no token", async () => {
  const message = "evil \x1b[31mred\nsecond, Bearer abcdefgh12345678";
  const lines: string[] = [];
  const waiting = awaitRoute({
    runName: "train",
    pollIntervalMs: 1,
    timeoutMs: 20,
    resolve: async function* (signal) {
      yield { kind: "waiting", phase: "QUEUED", message };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    probe: () => Promise.resolve({ isUp: true }),
    onProgress: (_, state) => lines.push(state),
  });
  const shown = "QUEUED: evil \\x1b[31mred | second, Bearer [redacted]";
  await assert.rejects(waiting, { details: { lastState: shown } });
  assert.deepEqual(lines, [`train: ${shown}`]);
});

Deno.test("awaitRoute lets a run that has ended and a refused credential through at once", async () => {
  const ended = new AppError("run_ended", "failed: OOM");
  // deno-lint-ignore require-yield -- it fails before it has anything to tell.
  async function* failing(): AsyncGenerator<ResolveState> {
    throw ended;
  }
  const options = { runName: "r", pollIntervalMs: 1, timeoutMs: 60_000, onProgress: () => {} };
  await assert.rejects(
    awaitRoute({ ...options, resolve: failing, probe: () => Promise.resolve({ isUp: true }) }),
    ended,
  );
  const denied = new AppError("auth_denied", "401");
  await assert.rejects(
    awaitRoute({ ...options, resolve: () => states(READY), probe: () => Promise.reject(denied) }),
    denied,
  );
});

Deno.test("awaitRoute notices that a run has ended while its route was being tried", async () => {
  let looks = 0;
  async function* endsLater(): AsyncGenerator<ResolveState> {
    if (++looks > 1) throw new AppError("run_ended", "failed: OOM");
    yield READY;
  }
  const waiting = awaitRoute({
    runName: "r",
    pollIntervalMs: 1,
    timeoutMs: 60_000,
    resolve: endsLater,
    probe: () => Promise.resolve({ isUp: false, found: "404" }),
    onProgress: () => {},
  });
  await assert.rejects(waiting, { code: "run_ended" });
});

Deno.test("awaitRoute tells what stood there at the first try before it waits for the next", async () => {
  const waiting = awaitRoute({
    runName: "train",
    timeoutMs: 20,
    pollIntervalMs: 60_000,
    resolve: () => states(READY),
    probe: () => Promise.resolve({ isUp: false, found: "502 Bad Gateway", reason: "refused" }),
    onProgress: () => {},
  });
  await assert.rejects(waiting, {
    code: "timeout",
    details: { lastState: "502 Bad Gateway", reason: "refused" },
    message: 'Cannot reach "train" within 20ms; the last that was seen: 502 Bad Gateway',
  });
});
