import { isFields } from "./wire.ts";
import type { ExecutionEvent } from "./wire.ts";

/** Where an execution's SSH server is. */
export interface SshDetails {
  /** An IP address or host name. */
  readonly address: string;
  readonly port: number;
  /** How many other places were told before: an execution that was restarted is on another machine. */
  readonly attempt: number;
}

const MACHINE_PREFIX = "::ssh::";
/** What can stand as a host name on `ssh`'s command line and be nothing else: it may not begin with a dash. */
const ADDRESS = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$|^[0-9A-Fa-f:]{2,45}$/;

/**
 * The SSH server that status events tell of, the latest one; undefined when none does.
 *
 * The message is `::ssh::` and JSON, `{"address": "52.214.159.193", "port": 2222}`.
 */
export function findSshDetails(events: readonly ExecutionEvent[]): SshDetails | undefined {
  const found = events
    .map(({ message, time }) => ({ place: parseMessage(message), time }))
    .filter((each): each is { place: { address: string; port: number }; time: string } => each.place !== undefined);
  // Stable: events of one time, or without any, stay in the order of the answer.
  found.sort((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
  const latest = found.at(-1)?.place;
  if (!latest) return undefined;
  const places = new Set(found.map(({ place: { address, port } }) => `${address} ${port}`));
  return { ...latest, attempt: places.size - 1 };
}

/** True for messages that are meant for programs, and that a log leaves out. */
export function isMachineMessage(message: string): boolean {
  return message.startsWith(MACHINE_PREFIX);
}

function parseMessage(message: string): { address: string; port: number } | undefined {
  if (!message.startsWith(MACHINE_PREFIX)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(message.slice(MACHINE_PREFIX.length));
  } catch {
    return undefined; // A message cut short: one that is whole may follow.
  }
  if (!isFields(value)) return undefined;
  const { address } = value;
  const port = Number(value.port);
  if (typeof address !== "string" || !ADDRESS.test(address)) return undefined;
  return Number.isInteger(port) && port > 0 && port < 65_536 ? { address, port } : undefined;
}
