import { formatDuration } from "../base/duration.ts";
import { escapeControls, oneLine } from "../base/printable.ts";
import { foldNodeSet } from "../fleet/fold_node_set.ts";
import type { HostResult } from "../fleet/results.ts";
import type { CommandContext } from "./command.ts";

/** The live line is drawn anew so often. */
const EVERY_MS = 200;

/** Counts hosts while they are worked on, for the live line and the last one. */
export interface FleetSummary extends Disposable {
  /** Takes a host's result; a failure is told at once. `what` is said of one that has no error of its own. */
  result(result: HostResult, what?: string): void;
  /** Puts a rate of bytes into the live line, in place of that of hosts. */
  rate(text: string): void;
  /** Takes the live line away and tells how it went. */
  finish(): void;
  /** 0 when all went well, 130 when it was cancelled, else 1; for one host its own. */
  exitStatus(ofOne?: number): number;
}

/** How many hosts there are, and how many of them are worked on at once: of the flags. */
export interface FleetSummaryOptions {
  readonly total: number;
  readonly parallel: number;
  readonly canary?: number | undefined;
}

/** @returns a summary for `total` hosts, with a live line from now on. */
export function fleetSummary(
  { total, parallel, canary = 0 }: FleetSummaryOptions,
  context: CommandContext,
): FleetSummary {
  const startedAt = performance.now();
  const failures = new Map<string, string[]>();
  const hinted = new Set<string>();
  let ok = 0;
  let failed = 0;
  let rate: string | undefined;
  const elapsedMs = () => performance.now() - startedAt;
  const draw = () => {
    const done = ok + failed;
    const allowed = (done < canary ? Math.min(canary, total) : total) - done;
    const running = Math.min(allowed, parallel || Infinity);
    const speed = rate ?? `${(done / Math.max(0.001, elapsedMs() / 1000)).toFixed(1)} hosts/s`;
    context.progress(`${ok} done, ${failed} failed, ${running} running, ${total - done - running} waiting, ${speed}`);
  };
  const timer = context.stderrIsTerminal ? setInterval(draw, EVERY_MS) : undefined;
  if (timer !== undefined) draw();
  const onAbort = () => {
    if (timer !== undefined) context.notice("Cancelling what runs: Ctrl-C again leaves at once");
  };
  context.signal.addEventListener("abort", onAbort);
  const tell = ({ host, error }: HostResult) => {
    if (!error) return;
    context.notice(`${escapeControls(host)}: ${escapeControls(error.message)}`);
    // Once of each kind: hundreds of lines that say the same would hide the one that says why.
    if (error.hint && !hinted.has(error.code)) context.notice(`  ${escapeControls(error.hint)}`);
    hinted.add(error.code);
  };
  return {
    result(result, what = "failed") {
      const { host, ok: isOk, error } = result;
      if (isOk) {
        ok++;
        return;
      }
      failed++;
      const isUnstarted = error?.details?.reason === "not_started";
      const kind = isUnstarted ? oneLine(error?.message ?? "") : error?.kind ?? what;
      failures.set(kind, [...failures.get(kind) ?? [], host]);
      if (!isUnstarted) tell(result);
    },
    rate: (text) => rate = text,
    finish() {
      clearInterval(timer);
      context.progress("");
      const parts = [
        `${ok} ok`,
        ...[...failures].map(([kind, hosts]) => `${hosts.length} ${lowerFirst(kind)}: ${shortList(hosts)}`),
      ];
      const hosts = total === 1 ? "1 host" : `${total} hosts`;
      context.notice(`${hosts}: ${parts.join("; ")} (${formatDuration(elapsedMs())})`);
    },
    exitStatus(ofOne) {
      if (context.signal.aborted) return 130;
      if (total === 1 && ofOne !== undefined) return ofOne;
      return failed === 0 ? 0 : 1;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      context.signal.removeEventListener("abort", onAbort);
    },
  };
}

/** `user@host`, whatever user the host was named with. */
export function accountName(user: string, host: string): string {
  return escapeControls(`${user}@${host.slice(host.lastIndexOf("@") + 1)}`);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A node set, cut where it would fill the screen. */
function shortList(hosts: readonly string[]): string {
  const folded = escapeControls(foldNodeSet(hosts));
  return folded.length > 120 ? `${folded.slice(0, 119)}…` : folded;
}
