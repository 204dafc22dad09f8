import assert from "node:assert/strict";
import { parseActionDetails } from "../../../../src/providers/union/messages.ts";
import { readinessOf } from "../../../../src/providers/union/readiness.ts";

const IDE = { uri: "/dataplane/x/", name: "whatever", linkType: "IDE", ready: true };

function look(phase: string, ...attempts: Record<string, unknown>[]) {
  return readinessOf(parseActionDetails({ status: { phase: `ACTION_PHASE_${phase}` }, attempts }));
}

Deno.test("readinessOf needs RUNNING and a ready IDE link", () => {
  const running = { phase: "ACTION_PHASE_RUNNING", attempt: 1, logInfo: [{ uri: "/logs" }, IDE] };
  assert.deepEqual(look("RUNNING", running), { kind: "ready", uri: "/dataplane/x/", attempt: 1, phase: "RUNNING" });
});

Deno.test("readinessOf does not trust a ready link before RUNNING", () => {
  const early = { phase: "ACTION_PHASE_INITIALIZING", attempt: 0, logInfo: [IDE] };
  assert.deepEqual(look("INITIALIZING", early), { kind: "waiting", phase: "INITIALIZING" });
});

Deno.test("readinessOf passes over links of another type, whatever they are called", () => {
  const link = { uri: "/x", name: "VS Code Debugger", linkType: "DASHBOARD", ready: true };
  const state = look("RUNNING", { phase: 4, attempt: 0, logInfo: [link] });
  assert.equal(state.kind, "waiting");
  assert.match(state.kind === "waiting" ? state.message ?? "" : "", /_F_E_VS=1/);
});

Deno.test("readinessOf reads enums by number and by a name that is newer than itself", () => {
  const byNumber = { phase: 4, attempt: 2, logInfo: [{ uri: "/x", linkType: 2, ready: true }] };
  assert.deepEqual(look("RUNNING", byNumber), { kind: "ready", uri: "/x", attempt: 2, phase: "RUNNING" });
  assert.deepEqual(look("RUNNING", { phase: "ACTION_PHASE_DREAMING" }), { kind: "waiting", phase: "DREAMING" });
  assert.deepEqual(look("RUNNING", { phase: 77 }), { kind: "waiting", phase: "UNKNOWN_77" });
});

Deno.test("readinessOf follows the newest attempt, in whatever order they come", () => {
  const failed = { phase: "ACTION_PHASE_FAILED", attempt: 0, errorInfo: { message: "OOM" }, logInfo: [IDE] };
  const next = { phase: "ACTION_PHASE_QUEUED", attempt: 1 };
  assert.deepEqual(look("RUNNING", next, failed), { kind: "waiting", phase: "QUEUED" });
});

Deno.test("readinessOf ends with the platform's message at a terminal phase", () => {
  for (const phase of ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "RECOVERED"]) {
    const attempt = { phase: `ACTION_PHASE_${phase}`, attempt: 0, errorInfo: { message: "no such image" } };
    assert.deepEqual(look(phase, attempt), { kind: "ended", phase, message: "no such image", attempt: 0 });
    assert.equal(look("RUNNING", attempt).kind, "ended", phase);
  }
});

Deno.test("readinessOf waits for the retry of a failed attempt", () => {
  const failed = { phase: "ACTION_PHASE_FAILED", attempt: 0, errorInfo: { message: "OOM" } };
  const state = look("QUEUED", failed);
  assert.deepEqual(state, {
    kind: "waiting",
    phase: "QUEUED",
    message: "attempt 0 ended as FAILED: OOM; another one follows",
  });
});

Deno.test("readinessOf takes the reason of an abort", () => {
  const details = parseActionDetails({ status: { phase: "ACTION_PHASE_ABORTED" }, abortInfo: { reason: "by Ann" } });
  assert.deepEqual(readinessOf(details), { kind: "ended", phase: "ABORTED", message: "by Ann", attempt: 0 });
});

Deno.test("readinessOf tells the latest cluster event", () => {
  const clusterEvents = [
    { occurredAt: "2026-11-20T10:00:05Z", message: "Pulling image" },
    { occurredAt: "2026-11-20T10:00:01Z", message: "Scheduled" },
  ];
  const attempt = { phase: "ACTION_PHASE_INITIALIZING", attempt: 0, clusterEvents };
  assert.deepEqual(look("RUNNING", attempt), { kind: "waiting", phase: "INITIALIZING", message: "Pulling image" });
});

Deno.test("parseActionDetails reads snake_case and 64-bit numbers as text", () => {
  const { attempts } = parseActionDetails({
    attempts: [{ attempt: "3", log_info: [{ uri: "/x", link_type: "IDE", ready: true }] }],
  });
  assert.equal(attempts[0]?.attempt, 3);
  assert.equal(attempts[0]?.logInfo[0]?.linkType, "IDE");
});
