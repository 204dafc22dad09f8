import {
  asMessage,
  boolField,
  countField,
  enumField,
  type Message,
  messageField,
  messagesField,
  textField,
  timeField,
} from "./wire.ts";

// flyteidl2.common.ActionPhase, in the order of its numbers.
const PHASES = [
  "UNSPECIFIED",
  "QUEUED",
  "WAITING_FOR_RESOURCES",
  "INITIALIZING",
  "RUNNING",
  "SUCCEEDED",
  "FAILED",
  "ABORTED",
  "TIMED_OUT",
  "PAUSED",
  "RECOVERED",
];
// flyteidl2.core.TaskLog.LinkType.
const LINK_TYPES = ["EXTERNAL", "DASHBOARD", "IDE"];
const TERMINAL = new Set(["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "RECOVERED"]);

/** flyteidl2.common.RunIdentifier. */
export interface RunId {
  readonly org: string;
  readonly project: string;
  readonly domain: string;
  readonly name: string;
}

/** flyteidl2.common.ActionIdentifier. */
export interface ActionId {
  readonly run: RunId;
  readonly name: string;
}

/** flyteidl2.core.TaskLog, as far as it matters. */
export interface LogLink {
  readonly uri: string;
  readonly name: string;
  readonly linkType: string;
  readonly ready: boolean;
}

/** flyteidl2.workflow.ClusterEvent. */
export interface ClusterEvent {
  readonly occurredAt: Date | undefined;
  readonly message: string;
}

/** flyteidl2.workflow.ActionAttempt. */
export interface ActionAttempt {
  readonly attempt: number;
  /** Without its prefix: `RUNNING`. */
  readonly phase: string;
  readonly errorMessage: string;
  readonly logInfo: readonly LogLink[];
  readonly clusterEvents: readonly ClusterEvent[];
}

/** flyteidl2.workflow.ActionDetails. */
export interface ActionDetails {
  readonly id: ActionId;
  readonly phase: string;
  readonly startTime: Date | undefined;
  /** Of `error_info`, else of `abort_info`; empty if the platform gave none. */
  readonly errorMessage: string;
  readonly attempts: readonly ActionAttempt[];
  /** `task`, the TaskSpec, as it came: it is passed on to a rerun with all that this program does not know of. */
  readonly taskSpec: Message | undefined;
}

/** flyteidl2.workflow.Run, and of a details answer the root action. */
export interface RunInfo {
  readonly id: RunId;
  readonly phase: string;
  readonly startTime: Date | undefined;
}

/** True for a phase after which nothing more happens. */
export function isTerminalPhase(phase: string): boolean {
  return TERMINAL.has(phase);
}

/** Reads an ActionDetails message; what is unknown in it is passed over. */
export function parseActionDetails(message: Message): ActionDetails {
  const status = messageField(message, "status");
  const task = messageField(message, "task");
  return {
    id: parseActionId(messageField(message, "id")),
    phase: phaseField(status),
    startTime: timeField(status, "startTime"),
    errorMessage: textField(messageField(message, "errorInfo"), "message") ||
      textField(messageField(message, "abortInfo"), "reason"),
    attempts: messagesField(message, "attempts").map(parseAttempt),
    taskSpec: Object.keys(task).length > 0 ? task : undefined,
  };
}

/** Reads a Run message. */
export function parseRun(message: Message): RunInfo {
  const action = messageField(message, "action");
  const status = messageField(action, "status");
  return {
    id: parseActionId(messageField(action, "id")).run,
    phase: phaseField(status),
    startTime: timeField(status, "startTime"),
  };
}

function parseAttempt(message: Message): ActionAttempt {
  return {
    attempt: countField(message, "attempt"),
    phase: phaseField(message),
    errorMessage: textField(messageField(message, "errorInfo"), "message"),
    logInfo: messagesField(message, "logInfo").map((link) => ({
      uri: textField(link, "uri"),
      name: textField(link, "name"),
      linkType: enumField(link, "linkType", { names: LINK_TYPES }),
      ready: boolField(link, "ready"),
    })),
    clusterEvents: messagesField(message, "clusterEvents").map((event) => ({
      occurredAt: timeField(event, "occurredAt"),
      message: textField(event, "message"),
    })),
  };
}

function parseActionId(message: Message): ActionId {
  const run = asMessage(message.run);
  return {
    run: {
      org: textField(run, "org"),
      project: textField(run, "project"),
      domain: textField(run, "domain"),
      name: textField(run, "name"),
    },
    name: textField(message, "name"),
  };
}

function phaseField(message: Message): string {
  return enumField(message, "phase", { names: PHASES, prefix: "ACTION_PHASE_" });
}
