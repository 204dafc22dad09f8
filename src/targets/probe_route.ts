import { deadline, orAbort } from "../base/abort.ts";
import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { type CredentialSource, dialRoute } from "../stream/dial_route.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import type { ProbeAnswer } from "./await_route.ts";
import type { TargetRoute } from "./target.ts";

/** RFC 4253 4.2: other lines may come before the version, and a line is at most 255 bytes long. */
const MAX_BANNER_BYTES = 8192;
const BANNER_TIMEOUT_MS = 10_000;
/** What a route says while the job behind it is still on its way up. */
const NOT_YET = new Set(["route_not_ready", "dial_failed", "tunnel_closed", "handshake_failed", "timeout"]);

/** Options of {@link probeRoute}. */
export interface ProbeRouteOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly credential?: CredentialSource | undefined;
  readonly signal: AbortSignal;
}

/**
 * Dials `route` once and reads until an SSH server says its version.
 *
 * @throws AppError for what waiting does not mend: `auth_denied`, `redirected`, `tls_failed`, `config_invalid`, ...
 */
export async function probeRoute(route: TargetRoute, options: ProbeRouteOptions): Promise<ProbeAnswer> {
  const { env, credential, signal } = options;
  try {
    using stream = await dialRoute(route, { env, credential, signal });
    if (await tellsSshVersion(stream, signal)) return { isUp: true };
    return { isUp: false, found: "the route is up, no SSH server answers behind it yet", reason: "silent" };
  } catch (error) {
    if (signal.aborted || !(error instanceof AppError) || !NOT_YET.has(error.code)) throw error;
    const { reason } = error.details ?? {};
    return { isUp: false, found: oneLine(error.message), ...(typeof reason === "string" ? { reason } : {}) };
  }
}

async function tellsSshVersion(stream: ByteStream, signal: AbortSignal): Promise<boolean> {
  const decoder = new TextDecoder("latin1");
  const silence = new AppError("timeout", "No SSH version was read");
  using limit = deadline(BANNER_TIMEOUT_MS, { signal, reason: () => silence });
  try {
    for (let text = ""; text.length < MAX_BANNER_BYTES;) {
      const bytes = await orAbort(stream.read(), limit.signal);
      if (bytes === null) return false;
      text += decoder.decode(bytes, { stream: true });
      if (/^SSH-(?:2\.0|1\.99)-[^\n]*\n/m.test(text)) return true;
    }
  } catch (error) {
    if (error !== silence) throw error;
  }
  return false;
}
