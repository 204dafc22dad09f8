import { deadline, orAbort, sleep } from "../base/abort.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { ResolvedRoute, ResolveState } from "./resolve_state.ts";

/** How often a route is tried before the provider is asked whether the run is still there. */
const PROBES_BETWEEN_LOOKS = 5;

/** Options of {@link awaitRoute}. */
export interface AwaitRouteOptions {
  /** What the run is called, for messages. */
  readonly runName: string;
  readonly timeoutMs: number;
  /** How long to wait before a route that was not up is tried again. */
  readonly pollIntervalMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Starts to follow the run; see `Provider.resolve`. */
  resolve(signal: AbortSignal): AsyncIterable<ResolveState>;
  /** Makes sure that the route answers; resolves to false when it does not yet, and is asked again. */
  probe(resolved: ResolvedRoute, signal: AbortSignal): Promise<ProbeAnswer>;
  /** Each state on the way, as one sentence with the time since the beginning in it; and that sentence without the time. */
  onProgress(line: string, state: string): void;
}

/** What a probe found: an SSH server, or what stood there in its place for now. */
export type ProbeAnswer = { readonly isUp: true } | {
  readonly isUp: false;
  readonly found: string;
  /** `silent` where something took the connection and is no SSH server; else as `dialTcp` has it: `refused`, ... */
  readonly reason?: string | undefined;
};

/**
 * The route of a run, once an SSH server has answered behind it.
 *
 * @throws AppError `timeout` that tells the last state seen, and in `details.reason` why a dial failed; whatever `resolve` and `probe` throw.
 */
export async function awaitRoute(options: AwaitRouteOptions): Promise<ResolvedRoute> {
  const startedAt = performance.now();
  let last: LastSeen = { state: "nothing was heard of it" };
  const note = (state: string, reason?: string) => {
    last = { state, reason };
    const line = `${options.runName}: ${state}`;
    options.onProgress(`${line} (${formatDuration(performance.now() - startedAt)})`, line);
  };
  using limit = deadline(options.timeoutMs, {
    signal: options.signal,
    reason: () => timeoutError(options, last),
  });
  const resolved = await followStates(options, { note, signal: limit.signal });
  last = { state: "it is there, its route was dialled and did not answer", reason: "timeout" };
  const { dialPatienceMs = Infinity } = resolved;
  using patience = deadline(dialPatienceMs, {
    signal: limit.signal,
    reason: () => timeoutError({ ...options, timeoutMs: dialPatienceMs }, last),
  });
  return await untilUp(resolved, { options, note, signal: patience.signal });
}

type LastSeen = { readonly state: string; readonly reason?: string | undefined };
type Following = { readonly note: (state: string, reason?: string) => void; readonly signal: AbortSignal };

async function followStates(options: AwaitRouteOptions, { note, signal }: Following): Promise<ResolvedRoute> {
  const states = options.resolve(signal)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await orAbort(states.next(), signal);
      if (step.done) throw new AppError("internal", "The provider stopped telling of the run before it was ready");
      if (step.value.kind === "ready") return step.value.resolved;
      note(step.value.message ? `${step.value.phase}: ${step.value.message}` : step.value.phase);
    }
  } finally {
    // Not awaited: a generator that hangs in a request ends with the signal, and the deadline must hold regardless.
    states.return?.().catch(() => {/* it was cut short on purpose */});
  }
}

/** Asks the provider again now and then: the run may have ended meanwhile, or be at another attempt. */
async function untilUp(
  resolved: ResolvedRoute,
  { options, note, signal }: { options: AwaitRouteOptions } & Following,
): Promise<ResolvedRoute> {
  let current = resolved;
  for (let probes = 1;; probes++) {
    signal.throwIfAborted();
    const answer = await options.probe(current, signal);
    if (answer.isUp) return current;
    note(answer.found, answer.reason);
    await sleep(options.pollIntervalMs, signal);
    if (probes % PROBES_BETWEEN_LOOKS === 0) current = await followStates(options, { note, signal });
  }
}

function timeoutError({ runName, timeoutMs }: AwaitRouteOptions, { state, reason }: LastSeen): AppError {
  return new AppError(
    "timeout",
    `Cannot reach ${JSON.stringify(runName)} within ${formatDuration(timeoutMs)}; the last that was seen: ${state}`,
    {
      hint: "Try again with a longer --timeout, or look at the run's log",
      details: { lastState: state, ...(reason === undefined ? {} : { reason }) },
    },
  );
}
