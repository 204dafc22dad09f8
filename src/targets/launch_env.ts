import { AppError } from "../base/errors.ts";

/** An OpenSSH public key on one line: type, base64, an optional comment (sshd(8), AUTHORIZED_KEYS FILE FORMAT, without options). */
const PUBLIC_KEY_LINE = /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ [A-Za-z0-9+/]+={0,3}(?: [^\r\n]*)?$/;
/** IEEE Std 1003.1-2017, 8.1, and lower case, as shells take it. */
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The environment with which a job's runtime starts its SSH server and lets the owner of `publicKey` in, `extra` added.
 *
 * `_F_E_SSH` and `_F_E_VS` are `1`, the one value that both of their readers take for true; `_F_SSH_PK` is the key.
 * @throws AppError `usage` when `extra` gives one of the three another value or has a name that no shell takes;
 * `key_invalid` when `publicKey` is not one line as `ssh-keygen -y` prints it.
 */
export function launchEnv(publicKey: string, extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const key = publicKey.trim();
  if (!PUBLIC_KEY_LINE.test(key)) {
    throw new AppError("key_invalid", 'Cannot launch with this key: needed one line such as "ssh-ed25519 AAAA..."', {
      hint: "porthole keys show",
    });
  }
  const own = { _F_E_SSH: "1", _F_E_VS: "1", _F_SSH_PK: key };
  for (const [name, value] of Object.entries(extra)) {
    assertEnvironmentEntry(name, value);
    const needed = Object.entries(own).find(([ownName]) => ownName === name)?.[1];
    if (needed !== undefined && needed !== value) {
      throw new AppError("usage", `Cannot set ${name} for the job: porthole sets it to ${JSON.stringify(needed)}`, {
        hint: `Leave ${name} out`,
      });
    }
  }
  return { ...extra, ...own };
}

function assertEnvironmentEntry(name: string, value: string): void {
  if (!ENV_NAME.test(name)) {
    throw new AppError("usage", `Cannot set ${JSON.stringify(name)} for the job: it is no name of a variable`, {
      hint: "Letters, digits and underscores, not beginning with a digit",
    });
  }
  if (value.includes("\0")) {
    throw new AppError("usage", `Cannot set ${name} for the job: its value holds a NUL byte`);
  }
}
