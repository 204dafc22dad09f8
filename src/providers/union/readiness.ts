import { type ActionAttempt, type ActionDetails, type ClusterEvent, isTerminalPhase } from "./messages.ts";

/** What one look at an action says. */
export type Readiness =
  | { readonly kind: "waiting"; readonly phase: string; readonly message?: string }
  | { readonly kind: "ended"; readonly phase: string; readonly message: string; readonly attempt: number }
  | {
    readonly kind: "ready";
    readonly uri: string;
    readonly attempt: number;
    readonly phase: string;
    readonly message?: string;
  };

// An action in one of these while its newest attempt has failed is about to be tried once more.
const SCHEDULED = new Set(["QUEUED", "WAITING_FOR_RESOURCES", "INITIALIZING"]);

/**
 * Whether the newest attempt can be dialled: it is RUNNING and its IDE link says ready.
 *
 * Both are needed: the link is emitted with `ready: true` long before the pod runs, and corrected only once it does.
 * Links are told by their type, since their name is the operator's to choose.
 */
export function readinessOf(details: ActionDetails): Readiness {
  const newest = newestAttempt(details);
  const message = latestEvent(newest?.clusterEvents ?? []);
  if (isTerminalPhase(details.phase)) return ended(details, { phase: details.phase, newest });
  if (newest === undefined) return waiting(details.phase, message);
  if (isTerminalPhase(newest.phase)) {
    if (!SCHEDULED.has(details.phase)) return ended(details, { phase: newest.phase, newest });
    const reason = newest.errorMessage ? `: ${newest.errorMessage}` : "";
    return waiting(details.phase, `attempt ${newest.attempt} ended as ${newest.phase}${reason}; another one follows`);
  }
  if (newest.phase !== "RUNNING") return waiting(newest.phase, message);
  return readinessOfRunning(newest, message);
}

/** True for an action that runs and tells of no IDE link: one that was started without a way in never does. */
export function runsWithoutLink(details: ActionDetails): boolean {
  const newest = newestAttempt(details);
  return newest?.phase === "RUNNING" && ideLinks(newest).length === 0;
}

function readinessOfRunning(newest: ActionAttempt, message: string | undefined): Readiness {
  const { phase, attempt } = newest;
  const links = ideLinks(newest);
  const ready = links.find((link) => link.ready);
  if (ready) return { kind: "ready", uri: ready.uri, attempt, phase, ...(message === undefined ? {} : { message }) };
  if (links.length > 0) return waiting(phase, message ?? "its SSH server is not ready");
  return waiting(
    phase,
    `${message ? `${message}; ` : ""}it has no IDE link (a run started without _F_E_VS=1 never does)`,
  );
}

function ideLinks({ logInfo }: ActionAttempt): ActionAttempt["logInfo"] {
  return logInfo.filter(({ linkType, uri }) => linkType === "IDE" && uri !== "");
}

function newestAttempt({ attempts }: ActionDetails): ActionAttempt | undefined {
  return attempts.reduce<ActionAttempt | undefined>(
    (newest, attempt) => newest === undefined || attempt.attempt >= newest.attempt ? attempt : newest,
    undefined,
  );
}

function latestEvent(events: readonly ClusterEvent[]): string | undefined {
  const latest = events.reduce<ClusterEvent | undefined>(
    (newest, event) => (event.occurredAt?.getTime() ?? 0) >= (newest?.occurredAt?.getTime() ?? 0) ? event : newest,
    undefined,
  );
  return latest?.message || undefined;
}

function waiting(phase: string, message: string | undefined): Readiness {
  return message === undefined ? { kind: "waiting", phase } : { kind: "waiting", phase, message };
}

function ended(
  details: ActionDetails,
  { phase, newest }: { phase: string; newest: ActionAttempt | undefined },
): Readiness {
  const message = details.errorMessage || newest?.errorMessage || latestEvent(newest?.clusterEvents ?? []) || "";
  return { kind: "ended", phase, message, attempt: newest?.attempt ?? 0 };
}
