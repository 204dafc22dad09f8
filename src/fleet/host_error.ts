import { AppError, type ErrorCode, toAppError } from "../base/errors.ts";

/**
 * What happened to a host, as far as a caller may want to act on it. `remote`: it was reached and something failed
 * that is no exit status (a file that may not be written, there or here; a connection that broke half-way).
 */
export type HostErrorKind = "unreachable" | "host_key" | "auth" | "timeout" | "cancelled" | "remote";

/** Why a host has no good result. Plain data: it goes into `--json` as it is. */
export interface HostError {
  readonly kind: HostErrorKind;
  /** Of the AppError behind it. */
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const KINDS: Partial<Record<ErrorCode, HostErrorKind>> = {
  dial_failed: "unreachable",
  tls_failed: "unreachable",
  redirected: "unreachable",
  route_not_ready: "unreachable",
  run_ended: "unreachable",
  handshake_failed: "unreachable",
  host_key_mismatch: "host_key",
  host_key_unknown: "host_key",
  auth_denied: "auth",
  key_invalid: "auth",
  timeout: "timeout",
  cancelled: "cancelled",
};

/** `error`, something caught while a host was worked on, as that host's result has it; `wasReached` unless told. */
export function toHostError(error: unknown, { wasReached = true } = {}): HostError {
  const { code, message, hint, details } = toAppError(error);
  return {
    kind: KINDS[code] ?? (wasReached ? "remote" : "unreachable"),
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
}

/** The exception for a call in which no host could be reached: the first host's error, all of them in its details. */
export function noHostReached(failed: ReadonlyArray<{ readonly host: string; readonly error: HostError }>): AppError {
  const [first] = failed;
  if (!first) return new AppError("usage", "There is no host to work on", { hint: "Name at least one host" });
  const { code, message, hint } = first.error;
  const others = failed.length - 1;
  return new AppError(code, others ? `${message} (and ${others} more: no host could be reached)` : message, {
    ...(hint === undefined ? {} : { hint }),
    details: { hosts: failed.map(({ host, error }) => ({ host, kind: error.kind, message: error.message })) },
  });
}
