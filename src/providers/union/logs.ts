import { AppError } from "../../base/errors.ts";
import type { RunReference } from "../../targets/resolve_state.ts";
import { tailLogs } from "./data_proxy.ts";
import { isTerminalPhase } from "./messages.ts";
import { getActionDetails, runIdOf } from "./runs.ts";
import type { UnionSession } from "./session.ts";

// The platform's stream never ends while the pod runs: what has been written so far is over when it pauses this long.
const PAUSE_MS = 2000;
// The first line has to be fetched from where the cluster keeps it.
const FIRST_LINE_MS = 10_000;

/** The log of a run's newest attempt: what there is of it, or with `follow` until the run ends. */
export async function* followLogs(
  session: UnionSession,
  run: RunReference,
  { signal, follow }: { readonly signal?: AbortSignal | undefined; readonly follow: boolean },
): AsyncGenerator<string> {
  const actionId = { run: runIdOf(session, run.runName), name: run.actionName };
  const details = await getActionDetails(session, actionId, { signal });
  const attempt = Math.max(...details.attempts.map((each) => each.attempt));
  if (!Number.isFinite(attempt)) {
    throw new AppError("not_found", `The run ${JSON.stringify(run.runName)} has no log yet: it is ${details.phase}`, {
      hint: `porthole connect --on union ${run.runName} waits for it`,
    });
  }
  using quiet = watchQuiet(signal);
  const mustPause = !follow && !isTerminalPhase(details.phase);
  if (mustPause) quiet.endAfter(FIRST_LINE_MS);
  try {
    for await (const line of tailLogs(session, { actionId, attempt, signal: quiet.signal })) {
      if (mustPause) quiet.endAfter(PAUSE_MS);
      yield line;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!quiet.signal.aborted) throw error;
  }
}

/** A signal that aborts with its parent, or when the time last given to `endAfter` has passed. */
function watchQuiet(parent: AbortSignal | undefined) {
  const controller = new AbortController();
  const onAbort = () => controller.abort(parent?.reason);
  if (parent?.aborted) onAbort();
  parent?.addEventListener("abort", onAbort, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    endAfter(ms: number) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), ms);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", onAbort);
    },
  };
}
