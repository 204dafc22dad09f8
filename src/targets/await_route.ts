import { deadline, orAbort, sleep } from "../base/abort.ts";
import { formatDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import { joinLines } from "../base/printable.ts";
import { redactText } from "../base/redact.ts";
import type { ResolvedRoute, ResolveState } from "./resolve_state.ts";

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
  let last: LastSeen = { state: "the platform has told nothing yet" };
  const tell: Tell = (state, { seen = state, reason } = {}) => {
    last = { state: seen, reason };
    const line = `${options.runName}: ${state}`;
    options.onProgress(`${line} (${formatDuration(performance.now() - startedAt)})`, line);
  };
  using limit = deadline(options.timeoutMs, {
    signal: options.signal,
    reason: () => timeoutError(options, last),
  });
  let found = await followStates(options, { tell, signal: limit.signal });
  const { dialPatienceMs = Infinity } = found.resolved;
  using patience = deadline(dialPatienceMs, {
    signal: limit.signal,
    reason: () => timeoutError({ ...options, timeoutMs: dialPatienceMs }, last),
  });
  last = { state: withPhase(found, "its route was dialled and did not answer"), reason: "timeout" };
  const { signal } = patience;
  for (;;) {
    signal.throwIfAborted();
    const answer = await options.probe(found.resolved, signal);
    if (answer.isUp) return found.resolved;
    tell(answer.found, { seen: withPhase(found, answer.found), reason: answer.reason });
    await sleep(options.pollIntervalMs, signal);
    // The run may have ended meanwhile, or be at another attempt.
    found = await followStates(options, { tell, signal });
  }
}

type LastSeen = { readonly state: string; readonly reason?: string | undefined };
/** Shows a state, and remembers it, or `seen`, for the timeout. */
type Tell = (state: string, more?: { readonly seen?: string; readonly reason?: string | undefined }) => void;
type Ready = ResolveState & { readonly kind: "ready" };

async function followStates(
  options: AwaitRouteOptions,
  { tell, signal }: { tell: Tell; signal: AbortSignal },
): Promise<Ready> {
  const states = options.resolve(signal)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await orAbort(states.next(), signal);
      if (step.done) throw new AppError("internal", "The provider stopped telling of the run before it was ready");
      if (step.value.kind === "ready") return step.value;
      tell(describeState(step.value.phase, step.value.message));
    }
  } finally {
    // Not awaited: a generator that hangs in a request ends with the signal, and the deadline must hold regardless.
    states.return?.().catch(() => {/* it was cut short on purpose */});
  }
}

/** What the platform says, in one line that is fit to be shown: it comes from whoever runs the cluster, or the job. */
function describeState(phase: string, message: string | undefined): string {
  return joinLines(redactText(message ? `${phase}: ${message}` : phase));
}

/** What the route did, behind what the platform said of the run. */
function withPhase({ phase, message }: Ready, route: string): string {
  return phase === undefined ? route : `${describeState(phase, message)}; ${route}`;
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
