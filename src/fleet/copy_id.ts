import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { fingerprint, formatPublicKey, type PublicKey } from "../ssh/keys/public_key.ts";
import type { SSHResult } from "./results.ts";
import type { HostResult } from "./results.ts";

/** What became of a key on one host. */
export interface SSHCopyIdResult extends HostResult {
  /** The account whose authorized_keys it is. */
  readonly user: string;
  /** False when the key was there already. */
  readonly added: boolean;
  readonly fingerprint: string;
}

/** Whether a host would take a key. */
export interface SSHKeyCheckResult extends HostResult {
  readonly user: string;
  readonly accepted: boolean;
  readonly fingerprint: string;
}

/** Options of `copyId`. */
export interface CopyIdOptions {
  /** A public key line, a `.pub` file, or the private key beside one. */
  readonly key: string;
  /** Installs it for this account, through sudo. */
  readonly asUser?: string;
  readonly sudo?: boolean;
  /** Asks the server first, and does nothing where it takes the key already. */
  readonly keyCheck?: boolean;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** Options of `keyCheck`. */
export interface KeyCheckOptions {
  readonly key: string;
  /** Else whom the client logs in as. */
  readonly user?: string;
  readonly signal?: AbortSignal;
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
