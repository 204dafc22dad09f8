import { AppError } from "../../base/errors.ts";
import type { Dialer } from "../../stream/byte_stream.ts";
import { connectSsh } from "./connect.ts";
import type { OfferedHostKey } from "./host_key_verifier.ts";

/** Options of {@link scanHostKeys}. */
export interface ScanHostKeysOptions {
  readonly dial: Dialer;
  readonly host: string;
  readonly sshWords?: string | undefined;
  /** One connection each: a server shows one key at a time. */
  readonly keyTypes: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The host keys that a server shows, in the order of `keyTypes`; those that it has none of are left out. Nobody logs in,
 * and nothing says that the keys are the right ones: compare fingerprints.
 *
 * @throws AppError as `connectSsh`, for a server that cannot be reached or shows no key at all.
 */
export async function scanHostKeys({ keyTypes, ...options }: ScanHostKeysOptions): Promise<OfferedHostKey[]> {
  const scanned = await Promise.allSettled(keyTypes.map((type) => scanOne(type, options)));
  const found = scanned.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const failures = scanned.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  if (found.length > 0) return found;
  const failure = failures.find((reason) => !hasNoneOfIt(reason));
  if (failure) throw failure;
  const what = `${JSON.stringify(options.host)} shows no host key of the type that was asked for`;
  throw new AppError("not_found", `${what}: ${keyTypes.join(", ")}`);
}

/** True for the failure of a scan for a type of which the server has no key. */
function hasNoneOfIt(error: unknown): boolean {
  return error instanceof AppError && error.code === "handshake_failed" && /no matching host key/.test(error.message);
}

async function scanOne(
  type: string,
  { dial, host, sshWords, timeoutMs, signal }: Omit<ScanHostKeysOptions, "keyTypes">,
): Promise<OfferedHostKey> {
  let shown: OfferedHostKey | undefined;
  const stop = new AppError("cancelled", "The host key is all that was wanted");
  try {
    const connection = await connectSsh({
      dial,
      host,
      sshWords,
      user: "porthole-keyscan",
      credentials: {},
      onlyKeyTypes: [type],
      connectTimeoutMs: timeoutMs,
      signal,
      verifyHostKey(key) {
        shown = { type: key.type, blob: new Uint8Array(key.blob) };
        throw stop;
      },
    });
    await connection.close();
  } catch (error) {
    if (shown === undefined) throw error;
  }
  if (shown === undefined) throw stop;
  return shown;
}
