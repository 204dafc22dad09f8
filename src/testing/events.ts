import type { PtyRequest, WindowSize } from "../ssh/server/session.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import type { CommandRecord } from "./command_record.ts";

/** What a test server tells of each kind of event. `connection` counts the server's connections from 1. */
export interface TestEventTypes {
  /** Somebody connected; nothing was said yet. */
  readonly connection: { readonly connection: number; readonly remote: TcpAddress; readonly via: "tcp" | "websocket" };
  /** Bytes as they went over the wire, the SSH protocol's own included. */
  readonly disconnection: {
    readonly connection: number;
    readonly receivedBytes: number;
    readonly sentBytes: number;
  };
  /** A request on the WebSocket front and the status that it was answered with. */
  readonly request: { readonly startLine: string; readonly status: number };
  /** An attempt to log in. `would-accept` answers the question whether a key would do (RFC 4252 7). */
  readonly authentication: {
    readonly connection: number;
    readonly user: string;
    readonly method: string;
    readonly fingerprint?: string;
    readonly outcome: "accepted" | "refused" | "would-accept";
  };
  readonly login: { readonly connection: number; readonly user: string };
  /** A channel that a client, or a listener of its, asked for. `target` of direct-tcpip and forwarded-tcpip. */
  readonly channel: {
    readonly connection: number;
    readonly channel: "session" | "direct-tcpip" | "forwarded-tcpip";
    readonly target?: TcpAddress;
    readonly isAllowed: boolean;
  };
  /** A `-R` was asked for; `port` is where it listens. */
  readonly listen: {
    readonly connection: number;
    readonly address: TcpAddress;
    readonly port: number;
    readonly isAllowed: boolean;
  };
  /** An exec request; the record fills as it runs. */
  readonly command: { readonly connection: number; readonly command: string; readonly record: CommandRecord };
  /** An exec or a shell is over. */
  readonly exit: { readonly connection: number; readonly command: string; readonly record: CommandRecord };
  readonly shell: {
    readonly connection: number;
    readonly pty: PtyRequest | undefined;
    readonly record: CommandRecord;
  };
  readonly subsystem: { readonly connection: number; readonly name: string };
  readonly signal: { readonly connection: number; readonly signal: string; readonly record: CommandRecord };
  readonly resize: { readonly connection: number; readonly size: WindowSize; readonly record: CommandRecord };
  /** Something that a client did to a file, over SFTP or scp. */
  readonly file: { readonly operation: string; readonly path: string };
  /** A fault was taken up: by a connection, a request, a channel, a command or an operation on a file. */
  readonly fault: { readonly fault: string };
  /** Something went wrong with one client; often what the test was after. */
  readonly error: { readonly connection: number; readonly message: string };
}

export type TestEventType = keyof TestEventTypes;

const TYPES: Readonly<Record<TestEventType, true>> = {
  connection: true,
  disconnection: true,
  request: true,
  authentication: true,
  login: true,
  channel: true,
  listen: true,
  command: true,
  exit: true,
  shell: true,
  subsystem: true,
  signal: true,
  resize: true,
  file: true,
  fault: true,
  error: true,
};

/** Every type of event. */
export const EVENT_TYPES: readonly string[] = Object.keys(TYPES);

/** True for the name of a type of event. */
export function isEventType(name: unknown): name is TestEventType {
  return typeof name === "string" && Object.hasOwn(TYPES, name);
}

type AnyTestEvent = {
  readonly [K in TestEventType]: { readonly type: K; readonly at: number } & TestEventTypes[K];
}[TestEventType];

/** One event, of one of the types T; `at` is milliseconds since 1970. */
export type TestEvent<T extends TestEventType = TestEventType> = Extract<AnyTestEvent, { readonly type: T }>;

/** True for an event of that type. */
export function isEventOf<T extends TestEventType>(event: TestEvent, type: T): event is TestEvent<T> {
  return event.type === type;
}
