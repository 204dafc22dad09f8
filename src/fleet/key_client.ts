import { AppError } from "../base/errors.ts";
import { type CopyIdOptions, INSTALL_KEY, installInput, type KeyCheckOptions, readInstallResult } from "./copy_id.ts";
import type { SSHCopyIdResult, SSHKeyCheckResult } from "./copy_id.ts";
import { composeCommand } from "./command_line.ts";
import { execCommand } from "./exec_call.ts";
import { type Fleet, scheduleOf } from "./fleet.ts";
import { noHostReached, toHostError } from "./host_error.ts";
import { keyscanHost, type KeyscanOptions, listKeyTypes, type SSHHostKey, type SSHKeyscanResult } from "./keyscan.ts";
import { createOutputStore } from "./output_store.ts";
import { readPublicKey } from "./public_key_source.ts";
import { runOnHosts } from "./schedule.ts";
import { fingerprint, type PublicKey } from "../ssh/keys/public_key.ts";

/** Host keys and user keys of every host of a client. */
export interface KeyClient {
  /** The host keys of all hosts. @throws AppError when no host showed any. */
  keyscan(options?: KeyscanOptions): Promise<SSHHostKey[]>;
  /** The same, one result per host, failures and all. */
  keyscanHosts(options?: KeyscanOptions): Promise<SSHKeyscanResult[]>;
  /** Adds a public key to authorized_keys where it is not there yet. @throws AppError as `exec`. */
  copyId(options: CopyIdOptions): Promise<SSHCopyIdResult[]>;
  /** Whether each host would take a key, asked without its private half. One result per host; throws for the key alone. */
  keyCheck(options: KeyCheckOptions): Promise<SSHKeyCheckResult[]>;
}

/** @returns what a client does with keys. */
export function keyClient(fleet: Fleet): KeyClient {
  return {
    keyscanHosts: (options = {}) => scanAll(fleet, options),
    async keyscan(options = {}) {
      const results = await scanAll(fleet, options);
      const errors = results.flatMap(({ host, error }) => error ? [{ host, error }] : []);
      if (errors.length === results.length) throw noHostReached(errors);
      return results.flatMap(({ keys }) => keys);
    },
    copyId: (options) => copyToAll(fleet, options),
    keyCheck: (options) => checkAll(fleet, options),
  };
}

async function scanAll(fleet: Fleet, options: KeyscanOptions): Promise<SSHKeyscanResult[]> {
  listKeyTypes(options);
  return await fleet.withConnector(options.signal, ({ connector, signal }) =>
    runOnHosts(fleet.hosts, {
      run: (host) => keyscanHost(host, { connector, options: signal ? { ...options, signal } : options }),
      skip: ({ host }, _at, why) =>
        Promise.resolve({ host, ok: false, dryRun: false, keys: [], saved: 0, error: toHostError(why), durationMs: 0 }),
      isOk: ({ ok }) => ok,
    }, scheduleOf(fleet.settings, signal)));
}

async function copyToAll(fleet: Fleet, options: CopyIdOptions): Promise<SSHCopyIdResult[]> {
  const key = await readPublicKey(options.key);
  const sudo = options.sudo ?? options.asUser !== undefined;
  const settings = { sudo, asUser: options.asUser, sudoPassword: sudo ? fleet.options.sudoPassword : undefined };
  const command = composeCommand(INSTALL_KEY, settings);
  const print = await fingerprint(key.blob);
  const accepted = options.keyCheck ? await whereAccepted(fleet, key, options) : new Set<string>();
  const store = createOutputStore({ maxOutputBytes: 65_536, maxTotalBytes: Infinity, spoolFolder: fleet.spoolFolder });
  const userOf = async (host: string) => options.asUser ?? await loginUser(fleet, host, options.signal);
  return await fleet.run<SSHCopyIdResult>(options, (signal) => ({
    async work(connection, { host }) {
      const user = await userOf(host);
      if (accepted.has(host)) {
        return { host, ok: true, dryRun: false, user, added: false, fingerprint: print, durationMs: 0 };
      }
      const stdin = new TextEncoder().encode(installInput(key));
      const timeoutMs = fleet.settings.commandTimeoutMs;
      const result = await execCommand(connection, { host, command }, {
        stdin,
        timeoutMs,
        store,
        signal,
        onOutput: undefined,
      });
      return await readInstallResult(result, { key, user });
    },
    pretend: async ({ host }) => ({
      host,
      ok: true,
      dryRun: true,
      user: await userOf(host),
      added: true,
      fingerprint: print,
      durationMs: 0,
    }),
    failed: (failure) => ({ ...failure, user: options.asUser ?? "", added: false, fingerprint: print }),
  }));
}

async function whereAccepted(fleet: Fleet, key: PublicKey, { asUser, signal }: CopyIdOptions): Promise<Set<string>> {
  const checked = await checkKey(fleet, key, { user: asUser, signal });
  return new Set(checked.filter(({ accepted }) => accepted).map(({ host }) => host));
}

async function loginUser(fleet: Fleet, host: string, signal: AbortSignal | undefined): Promise<string> {
  const options = fleet.hosts.find((one) => one.host === host) ?? { host };
  return await fleet.withConnector(signal, async ({ connector }) => (await connector.resolve(options)).user);
}

async function checkAll(fleet: Fleet, { key, user, signal }: KeyCheckOptions): Promise<SSHKeyCheckResult[]> {
  return await checkKey(fleet, await readPublicKey(key), { user, signal });
}

async function checkKey(
  fleet: Fleet,
  key: PublicKey,
  { user: givenUser, signal: callSignal }: { user: string | undefined; signal: AbortSignal | undefined },
): Promise<SSHKeyCheckResult[]> {
  const print = await fingerprint(key.blob);
  return await fleet.withConnector(callSignal, ({ connector, signal }) =>
    runOnHosts(fleet.hosts, {
      async run(host) {
        const startedAt = performance.now();
        let user = givenUser ?? "";
        const common = () => ({
          host: host.host,
          user,
          dryRun: false,
          fingerprint: print,
          durationMs: elapsed(startedAt),
        });
        try {
          const settings = await connector.resolve(givenUser === undefined ? host : { ...host, user: givenUser });
          user = settings.user;
          const accepted = await connector.isKeyAccepted(settings, { publicBlob: key.blob, signal });
          return { ...common(), ok: true, accepted };
        } catch (error) {
          return { ...common(), ok: false, accepted: false, error: toHostError(error) };
        }
      },
      skip: ({ host }, _at, why: AppError) =>
        Promise.resolve({
          host,
          user: givenUser ?? "",
          ok: false,
          dryRun: false,
          accepted: false,
          fingerprint: print,
          error: toHostError(why),
          durationMs: 0,
        }),
      isOk: ({ ok }) => ok,
    }, scheduleOf(fleet.settings, signal)));
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
