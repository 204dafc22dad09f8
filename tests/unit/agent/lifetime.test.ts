import assert from "node:assert/strict";
import { type Clock, type EndReason, Lifetime, type LifetimeRules } from "../../../src/agent/lifetime.ts";

/** A clock that moves when it is told to. */
class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.run();
    }
    await Promise.resolve();
  }
}

function start(rules: Partial<LifetimeRules>) {
  const clock = new FakeClock();
  const lifetime = new Lifetime({
    hasJob: false,
    hold: "on-failure",
    holdForMs: 1000,
    maxUptimeMs: 10_000,
    isMaxUptimeGiven: false,
    clock,
    ...rules,
  });
  let reason: EndReason | undefined;
  lifetime.over.then((given) => reason = given);
  return {
    lifetime,
    async reasonAfter(ms: number): Promise<EndReason | undefined> {
      await clock.pass(ms);
      await Promise.resolve();
      return reason;
    },
  };
}

Deno.test("Lifetime counts idle time only while no session is open", async () => {
  const { lifetime, reasonAfter } = start({ idleTimeoutMs: 100 });
  assert.equal(await reasonAfter(99), undefined);
  lifetime.sessionsOpen(1);
  assert.equal(await reasonAfter(5000), undefined);
  lifetime.sessionsOpen(0);
  assert.equal(await reasonAfter(99), undefined);
  assert.equal(await reasonAfter(1), "idle");
});

Deno.test("Lifetime does not count idle time while the job runs", async () => {
  const { lifetime, reasonAfter } = start({ hasJob: true, idleTimeoutMs: 100 });
  assert.equal(await reasonAfter(5000), undefined);
  assert.equal(lifetime.jobEnded(1), true);
  assert.equal(await reasonAfter(100), "idle");
});

Deno.test("Lifetime ends at the maximum uptime, sessions or not", async () => {
  const { lifetime, reasonAfter } = start({});
  lifetime.sessionsOpen(3);
  assert.equal(await reasonAfter(9999), undefined);
  assert.equal(await reasonAfter(1), "max-uptime");
});

Deno.test("Lifetime lets a job outlive the default maximum, not one that was asked for", async () => {
  const standard = start({ hasJob: true });
  assert.equal(await standard.reasonAfter(100_000), undefined);
  const asked = start({ hasJob: true, isMaxUptimeGiven: true });
  assert.equal(await asked.reasonAfter(10_000), "max-uptime");
});

Deno.test("Lifetime holds as told once the job ended", async () => {
  const cases: ReadonlyArray<[LifetimeRules["hold"], number, boolean]> = [
    ["never", 0, false],
    ["never", 1, false],
    ["on-failure", 0, false],
    ["on-failure", 1, true],
    ["always", 0, true],
    ["always", 1, true],
  ];
  for (const [hold, status, isHeld] of cases) {
    const { lifetime, reasonAfter } = start({ hasJob: true, hold });
    assert.equal(lifetime.jobEnded(status), isHeld, `${hold} ${status}`);
    assert.equal(await reasonAfter(999), isHeld ? undefined : "job-ended");
    assert.equal(await reasonAfter(1), isHeld ? "hold-over" : "job-ended");
  }
});

Deno.test("Lifetime waits for a job that was told to stop, and does not hold it then", async () => {
  const { lifetime, reasonAfter } = start({ hasJob: true, hold: "always" });
  lifetime.stop();
  assert.equal(await reasonAfter(1), undefined);
  assert.equal(lifetime.jobEnded(1), false);
  assert.equal(await reasonAfter(0), "stopped");
});
