import { AppError, describeError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { type AuthorizedKeys, parseAuthorizedKeys } from "./authorized_keys.ts";

/** Variables that hold authorized_keys lines; the second is a Union run's (docs/wire.md). */
const VARIABLES = ["PORTHOLE_AUTHORIZED_KEYS", "_F_SSH_PK"] as const;

const HINT = "Give --authorized-keys FILE, or set PORTHOLE_AUTHORIZED_KEYS to the public key that may log in " +
  "(porthole keys show prints yours)";

/**
 * The keys that may log in: those of `file`, of PORTHOLE_AUTHORIZED_KEYS and of _F_SSH_PK together.
 *
 * @throws AppError `config_invalid` when that makes none, for an agent without keys would let nobody in; `not_found`
 * when `file` cannot be read.
 */
export async function loadAuthorizedKeys(
  { file, env }: { file: string | undefined; env: Environment },
): Promise<AuthorizedKeys> {
  const parts: AuthorizedKeys[] = [];
  if (file !== undefined) {
    parts.push(parseAuthorizedKeys(await readKeyFile(file), `--authorized-keys ${JSON.stringify(file)}`));
  }
  for (const name of VARIABLES) parts.push(parseAuthorizedKeys(env[name] ?? "", name));
  const keys = parts.flatMap((part) => part.keys);
  const refused = parts.flatMap((part) => part.refused);
  if (keys.length > 0) return { keys, refused };
  const found = refused.length > 0 ? `; not usable: ${refused.join("; ")}` : "";
  throw new AppError("config_invalid", `Cannot start the agent: there is no key that may log in${found}`, {
    hint: HINT,
  });
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new AppError("not_found", `Cannot read --authorized-keys ${JSON.stringify(path)}: ${describeError(error)}`, {
      cause: error,
    });
  }
}
