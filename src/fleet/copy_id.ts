import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { fingerprint, formatPublicKey, type PublicKey } from "../ssh/keys/public_key.ts";
import { composeCommand } from "./command_line.ts";
import { execCommand } from "./exec_call.ts";
import { type Fleet, openFleet } from "./fleet.ts";
import type { AuthOptions, HostOptions } from "./fleet_options.ts";
import { createOutputStore } from "./output_store.ts";
import { readPublicKey } from "./public_key_source.ts";
import type { HostResult, SSHResult } from "./results.ts";

/** What became of a key on one host. */
export interface SSHCopyIdResult extends HostResult {
  /** The account whose authorized_keys it is. */
  readonly user: string;
  /** False when the key was there already. */
  readonly added: boolean;
  readonly fingerprint: string;
}

/** Options of `copyId`. */
export interface CopyIdOptions {
  /** Installs it for this account, through sudo. */
  readonly asUser?: string | undefined;
  readonly sudo?: boolean | undefined;
  /** Asks the server first, and does not even log in where it takes the key already. */
  readonly keyCheck?: boolean;
  /** Else the client's: asked for what is missing to log in. */
  readonly prompt?: AuthOptions["prompt"];
  readonly dryRun?: boolean;
  /** Told of each host as it is done. */
  readonly onResult?: (result: SSHCopyIdResult) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Adds `key` on every host of a client. @throws AppError for a key that cannot be read, and as `exec`. */
export async function copyIdToAll(fleet: Fleet, key: string, options: CopyIdOptions = {}): Promise<SSHCopyIdResult[]> {
  const { prompt, ...others } = options;
  if (prompt) {
    await using asking = openFleet({ ...fleet.options, auth: { ...fleet.options.auth, prompt } });
    return await copyIdToAll(asking, key, others);
  }
  const publicKey = await readPublicKey(key, fleet.settings.environment);
  const print = await fingerprint(publicKey.blob);
  const { asUser, sudo = asUser !== undefined } = options;
  const account = asUser ?? (sudo ? "root" : undefined);
  const sudoPassword = sudo ? fleet.options.sudoPassword : undefined;
  const command = composeCommand(INSTALL_KEY, { sudo, asUser, sudoPassword });
  const store = createOutputStore({ maxOutputBytes: 65_536, maxTotalBytes: Infinity, spoolFolder: fleet.spoolFolder });
  const timeoutMs = fleet.settings.commandTimeoutMs;
  return await fleet.run<SSHCopyIdResult>(options, ({ connector, signal }) => {
    const describe = async (host: HostOptions) => {
      const user = account ?? (await connector.resolve(host)).user;
      return { host: host.host, ok: true, dryRun: false, user, added: false, fingerprint: print, durationMs: 0 };
    };
    const findInstalled = async (host: HostOptions) => {
      const settings = await connector.resolve(account === undefined ? host : { ...host, user: account });
      const isThere = await connector.isKeyAccepted(settings, { publicBlob: publicKey.blob, signal });
      return isThere ? await describe(host) : undefined;
    };
    return {
      foresee: options.keyCheck ? findInstalled : undefined,
      async work(connection, host) {
        const stdin = new TextEncoder().encode(installInput(publicKey));
        const work = { stdin, timeoutMs, store, signal, onOutput: undefined };
        const { user } = await describe(host);
        return await readInstallResult(
          await execCommand(connection, { host: host.host, command }, work),
          { key: publicKey, user },
        );
      },
      pretend: async (host) => ({ ...await describe(host), dryRun: true, added: true }),
      failed: (failure) => ({ ...failure, user: account ?? "", added: false, fingerprint: print }),
      onResult: options.onResult,
    };
  });
}

/**
 * Adds the line on stdin to authorized_keys unless the same key is there, and says `added` or `present`.
 *
 * The folder and the file get the modes that sshd wants (StrictModes); a last line without a newline is ended first. The
 * home is the account's own: sudo may have left HOME pointing to whom called it.
 */
export const INSTALL_KEY = [
  "set -e",
  "umask 077",
  'eval "home=~$(id -un)"',
  '[ -d "$home" ] || home=$HOME',
  "IFS= read -r line",
  "key=${line#* }",
  "key=${key%% *}",
  'mkdir -p "$home/.ssh"',
  'chmod go-w "$home/.ssh"',
  'file="$home/.ssh/authorized_keys"',
  'if [ -f "$file" ] && grep -v "^[[:space:]]*#" "$file" | grep -qF -- "$key"; then echo present; exit 0; fi',
  'if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then echo >> "$file"; fi',
  `printf '%s\\n' "$line" >> "$file"`,
  'chmod 600 "$file"',
  'if command -v restorecon >/dev/null 2>&1; then restorecon -F "$home/.ssh" "$file" >/dev/null 2>&1 || :; fi',
  "echo added",
].join("\n");

/** What to send {@link INSTALL_KEY} on stdin. */
export function installInput(key: PublicKey): string {
  return `${formatPublicKey(key)}\n`;
}

/** What the installation came to. */
export async function readInstallResult(
  { host, code, stdout, stderr, error, durationMs }: SSHResult,
  { key, user }: { key: PublicKey; user: string },
): Promise<SSHCopyIdResult> {
  const said = stdout.trim();
  const ok = code === 0 && (said === "added" || said === "present");
  const why = oneLine(stderr || stdout || `status ${code}`);
  const failure = new AppError("remote_failed", `The key could not be added to authorized_keys: ${why}`);
  return {
    host,
    ok,
    dryRun: false,
    user,
    added: ok && said === "added",
    fingerprint: await fingerprint(key.blob),
    ...(ok ? {} : { error: error ?? { kind: "remote" as const, code: failure.code, message: failure.message } }),
    durationMs,
  };
}
