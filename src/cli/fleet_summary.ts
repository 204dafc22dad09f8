import { formatDuration } from "../base/duration.ts";
import { escapeControls, oneLine } from "../base/printable.ts";
import { foldNodeSet } from "../fleet/fold_node_set.ts";
import type { HostResult } from "../fleet/results.ts";
import type { CommandContext } from "./command.ts";

/** The live line comes no oftener than this. */
const EVERY_MS = 100;

/** Counts hosts while they are worked on, for the live line and the last one. */
export interface FleetSummary {
  connected(): void;
  /** Takes a host's result; a failure is told at once. `what` is said of one that has no error of its own. */
  result(result: HostResult, what?: string): void;
  /** The live line, with `extra` behind it: a rate. */
  show(extra?: string): void;
  /** Takes the live line away and tells how it went. */
  finish(): void;
  /** 0 when all went well, 130 when it was cancelled, else 1; for one host its own. */
  exitStatus(ofOne?: number): number;
}

/** @returns a summary for `total` hosts. */
export function fleetSummary(total: number, context: CommandContext): FleetSummary {
  const startedAt = performance.now();
  const failures = new Map<string, string[]>();
  let running = 0;
  let ok = 0;
  let failed = 0;
  let shownAt = 0;
  const elapsedMs = () => performance.now() - startedAt;
  const summary: FleetSummary = {
    connected() {
      running++;
      summary.show();
    },
    result({ host, ok: isOk, error }, what = "failed") {
      running = Math.max(0, running - 1);
      if (isOk) ok++;
      else {
        failed++;
        // Hundreds of lines that say the same would hide the one that says why.
        const isUnstarted = error?.details?.reason === "not_started";
        const kind = isUnstarted ? oneLine(error?.message ?? "") : error?.kind ?? what;
        failures.set(kind, [...failures.get(kind) ?? [], host]);
        if (error && !isUnstarted) {
          context.notice(`${escapeControls(host)}: ${escapeControls(error.message)}`);
          if (error.hint && total === 1) context.notice(`  ${escapeControls(error.hint)}`);
        }
      }
      summary.show();
    },
    show(extra) {
      if (!context.stderrIsTerminal) return;
      const now = performance.now();
      if (now - shownAt < EVERY_MS) return;
      shownAt = now;
      const rate = extra ?? `${((ok + failed) / Math.max(0.001, elapsedMs() / 1000)).toFixed(1)} hosts/s`;
      context.progress(
        `${ok} done, ${failed} failed, ${running} running, ${total - ok - failed - running} waiting, ${rate}`,
      );
    },
    finish() {
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
  };
  return summary;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A node set, cut where it would fill the screen. */
function shortList(hosts: readonly string[]): string {
  const folded = escapeControls(foldNodeSet(hosts));
  return folded.length > 120 ? `${folded.slice(0, 119)}…` : folded;
}
