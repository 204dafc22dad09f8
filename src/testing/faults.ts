import type { FileOperation } from "../ssh/sftp/file_operation.ts";

/** Where a connection is: just open, the client has named itself, it asks to be let in, it is let in. */
export type Phase = "connect" | "kex" | "auth" | "session";

/** So many bytes after a phase began, counted in what the server sends; at once unless told otherwise. */
export interface FaultPoint {
  /** `connect` unless told otherwise. */
  readonly phase?: Phase;
  /** 0 unless told otherwise. */
  readonly bytes?: number;
}

/** Answers of a WebSocket front that refuses. */
export type RefusalStatus = 301 | 302 | 401 | 403 | 404 | 429 | 502 | 503;

/** What certificate a `bad-certificate` shows: of no known authority, of yesterday, of another host. */
export type CertificateFlaw = "untrusted" | "expired" | "wrong-host";

/** Everything that can be made to go wrong, by name. Durations are strings such as `200ms`. */
export type Fault =
  /** Connections are refused: nobody listens. */
  | { readonly name: "refuse" }
  /** Accepted and closed at once. */
  | ({ readonly name: "drop" } & Times)
  /** The WebSocket front answers so; a redirect leads to `location`. */
  | ({
    readonly name: "http-status";
    readonly status: RefusalStatus;
    readonly location?: string;
    /** Retry-After, in seconds. */
    readonly retryAfter?: number;
    readonly body?: string;
  } & Times)
  /** The WebSocket front answers 101 with a Sec-WebSocket-Accept of another key. */
  | ({ readonly name: "wrong-accept" } & Times)
  /** The front of `tls: true` shows a certificate that is no good. */
  | ({ readonly name: "bad-certificate"; readonly flaw?: CertificateFlaw } & Times)
  /** The identification string comes late. */
  | ({ readonly name: "slow-banner"; readonly delay: string } & Times)
  /** The identification string never comes; the connection stays open. */
  | ({ readonly name: "no-banner" } & Times)
  /** Something else comes first; a TLS alert unless told otherwise. */
  | ({ readonly name: "garbage-before-banner"; readonly garbage?: string | Uint8Array } & Times)
  /** The server offers a key exchange that nobody knows, and no other. */
  | ({ readonly name: "kex-mismatch" } & Times)
  /** The server shows another host key than before. */
  | ({ readonly name: "host-key-changed" } & Times)
  /** Refuses so many attempts to log in that would have been right. */
  | { readonly name: "auth-failures"; readonly count: number }
  /** Refuses to open channels. */
  | ({ readonly name: "channel-refused"; readonly channel?: "session" | "direct-tcpip" } & Times)
  /** A client may send so much on a channel (0 unless told otherwise), and no more. */
  | ({ readonly name: "window-starvation"; readonly bytes?: number } & Times)
  /** Cuts the connection. */
  | ({ readonly name: "disconnect" } & FaultPoint & Times)
  /** Sends nothing any more and takes nothing any more; the connection stays open. */
  | ({ readonly name: "stall" } & FaultPoint & Times)
  /** Cuts an SFTP channel after so many bytes of answers. */
  | ({ readonly name: "truncated-sftp"; readonly bytes: number } & Times)
  /** Operations on files fail. */
  | ({
    readonly name: "file-error";
    /** `ENOSPC`, `EACCES`, `EIO`, `EDQUOT`, ... */
    readonly errno: string;
    /** A file, or a folder and all below it; every path unless told otherwise. */
    readonly path?: string;
    /** Writing for ENOSPC and EDQUOT, else everything but looking (`stat` and its like), unless told otherwise. */
    readonly operation?: FileOperation;
    /** Of reads and writes: only what goes beyond this many bytes of the file. */
    readonly afterBytes?: number;
  } & Times)
  /** Commands end without a status. */
  | ({ readonly name: "no-exit-status" } & Times)
  /** A round trip takes so much longer, half of it each way. */
  | ({ readonly name: "latency"; readonly delay: string } & Times)
  | ({ readonly name: "bandwidth"; readonly bytesPerSecond: number } & Times)
  /** Closes a connection on which nothing went either way for so long. */
  | ({ readonly name: "idle-drop"; readonly after: string } & Times);

/** How often a fault has its effect. */
export interface Times {
  /** For so many connections (requests, channels, commands, operations); for ever unless told otherwise. */
  readonly times?: number;
}

export type FaultName = Fault["name"];
export type FaultOf<N extends FaultName> = Extract<Fault, { readonly name: N }>;

/** Every fault's name. */
export const FAULT_NAMES: readonly FaultName[] = [
  "refuse",
  "drop",
  "http-status",
  "wrong-accept",
  "bad-certificate",
  "slow-banner",
  "no-banner",
  "garbage-before-banner",
  "kex-mismatch",
  "host-key-changed",
  "auth-failures",
  "channel-refused",
  "window-starvation",
  "disconnect",
  "stall",
  "truncated-sftp",
  "file-error",
  "no-exit-status",
  "latency",
  "bandwidth",
  "idle-drop",
];

interface Active {
  readonly fault: Fault;
  left: number;
}

/** The faults in force, and how often each is still to have its effect. */
export class FaultSet {
  #active: Active[] = [];
  /** Told of each effect. */
  onTaken: ((fault: Fault) => void) | undefined;

  add(fault: Fault): Disposable {
    const times = fault.name === "auth-failures" ? fault.count : "times" in fault ? fault.times : undefined;
    const active = { fault, left: times ?? Infinity };
    this.#active.push(active);
    return { [Symbol.dispose]: () => void (this.#active = this.#active.filter((each) => each !== active)) };
  }

  clear(): void {
    this.#active = [];
  }

  /** The oldest fault of that name that is in force and fits, counted as having its effect now. */
  take<N extends FaultName>(name: N, fits: (fault: FaultOf<N>) => boolean = () => true): FaultOf<N> | undefined {
    const active = this.#active.find(({ fault, left }) => left > 0 && isNamed(fault, name) && fits(fault));
    if (!active || !isNamed(active.fault, name)) return undefined;
    active.left--;
    this.onTaken?.(active.fault);
    return active.fault;
  }
}

function isNamed<N extends FaultName>(fault: Fault, name: N): fault is FaultOf<N> {
  return fault.name === name;
}
