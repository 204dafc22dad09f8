/** Everything that can go wrong in a way that a person can act on. Closed: a new code is a visible change. */
export type ErrorCode =
  | "usage"
  | "config_invalid"
  | "not_found"
  | "already_exists"
  | "unsafe_file"
  | "key_invalid"
  | "host_key_mismatch"
  | "host_key_unknown"
  | "auth_denied"
  | "dial_failed"
  | "tls_failed"
  | "redirected"
  | "route_not_ready"
  | "handshake_failed"
  | "tunnel_closed"
  | "protocol"
  | "run_ended"
  | "provider_failed"
  | "remote_failed"
  | "some_hosts_failed"
  | "timeout"
  | "cancelled"
  | "internal";

/** The exit status for each code, `ssh`'s where `ssh` has one (ssh(1), EXIT STATUS). */
const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  config_invalid: 2,
  not_found: 2,
  already_exists: 2,
  unsafe_file: 2,
  key_invalid: 2,
  host_key_mismatch: 255,
  host_key_unknown: 255,
  auth_denied: 255,
  dial_failed: 255,
  tls_failed: 255,
  redirected: 255,
  route_not_ready: 255,
  handshake_failed: 255,
  tunnel_closed: 255,
  protocol: 255,
  run_ended: 255,
  provider_failed: 255,
  remote_failed: 1,
  some_hosts_failed: 1,
  timeout: 255,
  cancelled: 130,
  internal: 70,
};

/** What `new AppError` takes besides its code and message. */
export interface AppErrorOptions {
  /** The next command to try, or the next thing to look at. */
  readonly hint?: string;
  /** Facts for programs; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error that leaves a public operation: a code for programs, a sentence and a next step for people. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(readonly code: ErrorCode, message: string, { hint, details, cause }: AppErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
    this.details = details;
  }

  /** The exit status of a process that ends with this error. */
  get exitStatus(): number {
    return EXIT_STATUS[this.code];
  }

  /** The documented object that `--json` prints: `{"error": {code, message, hint, details}}`. */
  toJSON(): { error: { code: ErrorCode; message: string; hint?: string; details?: unknown } } {
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(this.hint === undefined ? {} : { hint: this.hint }),
        ...(this.details === undefined ? {} : { details: this.details }),
      },
    };
  }
}

/** `value` as an AppError: itself if it is one, `cancelled` for an abort, else `internal` with the cause kept. */
export function toAppError(value: unknown): AppError {
  if (value instanceof AppError) return value;
  if (value instanceof DOMException && value.name === "AbortError") {
    return new AppError("cancelled", "Cancelled", { cause: value });
  }
  if (value instanceof DOMException && value.name === "TimeoutError") {
    return new AppError("timeout", "The time allowed for this ran out", { cause: value });
  }
  return new AppError("internal", describeError(value), {
    hint: "This is a fault of porthole itself: run again with PORTHOLE_DEBUG=1 to see where it happened",
    cause: value,
  });
}

/** One line that says what `value`, something caught, has to say. */
export function describeError(value: unknown): string {
  return value instanceof Error ? value.message || value.name : String(value);
}
