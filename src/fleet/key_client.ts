import { type CopyIdOptions, copyIdToAll, type SSHCopyIdResult } from "./copy_id.ts";
import { attempt, type Fleet, scheduleOf } from "./fleet.ts";
import { noHostReached, toHostError } from "./host_error.ts";
import { checkKeyOnAll, type KeyCheckOptions, type SSHKeyCheckResult } from "./key_check.ts";
import { keyscanHost, type KeyscanOptions, listKeyTypes, type SSHHostKey, type SSHKeyscanResult } from "./keyscan.ts";
import type { Result } from "./results.ts";
import { runOnHosts } from "./schedule.ts";

/** Host keys and user keys of every host of a client. The `try` twins return what the others throw. */
export interface KeyClient {
  /** The host keys of all hosts. @throws AppError when no host showed any. */
  keyscan(options?: KeyscanOptions): Promise<SSHHostKey[]>;
  tryKeyscan(options?: KeyscanOptions): Promise<Result<SSHHostKey[]>>;
  /** The same, one result per host, failures and all. */
  keyscanHosts(options?: KeyscanOptions): Promise<SSHKeyscanResult[]>;
  /** Adds a public key to authorized_keys where it is not there yet. @throws AppError as `exec`. */
  copyId(key: string | WithKey<CopyIdOptions>, options?: CopyIdOptions): Promise<SSHCopyIdResult[]>;
  tryCopyId(key: string | WithKey<CopyIdOptions>, options?: CopyIdOptions): Promise<Result<SSHCopyIdResult[]>>;
  /** Whether each host would take a key, asked without its private half. One result per host; throws for the key alone. */
  keyCheck(key: string | WithKey<KeyCheckOptions>, options?: KeyCheckOptions): Promise<SSHKeyCheckResult[]>;
  tryKeyCheck(
    key: string | WithKey<KeyCheckOptions>,
    options?: KeyCheckOptions,
  ): Promise<Result<SSHKeyCheckResult[]>>;
}

/** Options with the key among them, for who likes one argument. */
export type WithKey<O> = O & {
  /** A public key line, a `.pub` file, or the private key beside one. */
  readonly key: string;
};

/** @returns what a client does with keys. */
export function keyClient(fleet: Fleet): KeyClient {
  const keyscan: KeyClient["keyscan"] = async (options = {}) => {
    const results = await scanAll(fleet, options);
    const errors = results.flatMap(({ host, error }) => error ? [{ host, error }] : []);
    if (errors.length === results.length) throw noHostReached(errors);
    return results.flatMap(({ keys }) => keys);
  };
  const copyId: KeyClient["copyId"] = async (key, options) => await copyIdToAll(fleet, ...keyFirst(key, options));
  const keyCheck: KeyClient["keyCheck"] = async (key, options) => await checkKeyOnAll(fleet, ...keyFirst(key, options));
  return {
    keyscan,
    tryKeyscan: (options) => attempt(() => keyscan(options)),
    keyscanHosts: (options = {}) => scanAll(fleet, options),
    copyId,
    tryCopyId: (key, options) => attempt(() => copyId(key, options)),
    keyCheck,
    tryKeyCheck: (key, options) => attempt(() => keyCheck(key, options)),
  };
}

function keyFirst<O>(key: string | WithKey<O>, options: O | undefined): [key: string, options: O | undefined] {
  return typeof key === "string" ? [key, options] : [key.key, key];
}

async function scanAll(fleet: Fleet, options: KeyscanOptions): Promise<SSHKeyscanResult[]> {
  listKeyTypes(options);
  const { environment } = fleet.settings;
  return await fleet.withConnector(options.signal, ({ connector, signal }) =>
    runOnHosts(fleet.hosts, {
      run: (host) => keyscanHost(host, { connector, environment, options: signal ? { ...options, signal } : options }),
      skip: ({ host }, _at, why) =>
        Promise.resolve({ host, ok: false, dryRun: false, keys: [], saved: 0, error: toHostError(why), durationMs: 0 }),
      isOk: ({ ok }) => ok,
      onResult: options.onResult,
    }, scheduleOf(fleet.settings, signal)));
}
