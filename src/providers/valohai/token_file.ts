import { AppError } from "../../base/errors.ts";
import { type Environment, portholeHome } from "../../base/home.ts";
import { ensurePrivateFolder, readPrivateFile, writeFileAtomic } from "../../base/private_file.ts";

/** What a log-in left behind. Holds a secret. */
export interface StoredToken {
  /** The origin it is for, and may be sent to: `https://app.valohai.com`. */
  readonly host: string;
  readonly token: string;
  /** RFC 3339. */
  readonly savedAt: string;
}

/** Characters that a header can carry and no token lacks: what a paste may have added is refused. */
const TOKEN = /^[\x21-\x7e]{8,512}$/;

/**
 * `text` without the white space around it, if it can be a Valohai token.
 *
 * @throws AppError `usage` that tells the length found, never the text.
 */
export function validateToken(text: string, source: string): string {
  const token = text.trim().replace(/^Token\s+/i, "");
  if (TOKEN.test(token)) return token;
  throw new AppError(
    "usage",
    `Cannot use what ${source} gave to log in: needed one word of 8 to 512 printable characters, found ${token.length} characters${
      /\s/.test(token) ? " with white space among them" : ""
    }`,
    { hint: "Copy it from the page /auth/tokens/ of your Valohai installation" },
  );
}

/** The file of the token for `host`. */
export function tokenPath(env: Environment, host: URL): string {
  return `${tokensFolder(env)}/valohai-${host.host.replace(/[^A-Za-z0-9.-]/g, "_")}.json`;
}

/** The stored token for `host`; undefined without one. @throws AppError `unsafe_file`, `config_invalid` for a damaged file. */
export async function readToken(env: Environment, host: URL): Promise<StoredToken | undefined> {
  const path = tokenPath(env, host);
  let text: string;
  try {
    text = await readPrivateFile(path, "stored log-in");
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return undefined;
    throw error;
  }
  const stored = parseStoredToken(text);
  // The host stands inside too: a file that was copied or renamed must not send a token elsewhere.
  if (stored?.host === host.origin) return stored;
  throw new AppError("config_invalid", `Cannot read the stored log-in ${JSON.stringify(path)}: it is damaged`, {
    hint: "porthole auth login --on valohai writes it anew",
  });
}

/** Stores the token for `host`, 0600. */
export async function writeToken(env: Environment, { host, token }: { host: URL; token: string }): Promise<string> {
  await ensurePrivateFolder(tokensFolder(env));
  const path = tokenPath(env, host);
  const stored: StoredToken = { host: host.origin, token, savedAt: new Date().toISOString() };
  await writeFileAtomic(path, `${JSON.stringify(stored, null, 2)}\n`);
  return path;
}

/** The origins that a log-in is stored for. */
export async function loggedInHosts(env: Environment): Promise<string[]> {
  const hosts: string[] = [];
  try {
    for await (const { name } of Deno.readDir(tokensFolder(env))) {
      if (!name.startsWith("valohai-") || !name.endsWith(".json")) continue;
      const stored = parseStoredToken(await Deno.readTextFile(`${tokensFolder(env)}/${name}`).catch(() => ""));
      if (stored) hosts.push(stored.host);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return hosts;
}

/** Forgets the token for `host`; true if there was one. */
export async function removeToken(env: Environment, host: URL): Promise<boolean> {
  try {
    await Deno.remove(tokenPath(env, host));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function tokensFolder(env: Environment): string {
  return `${portholeHome(env)}/tokens`;
}

function parseStoredToken(text: string): StoredToken | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // Damaged: the caller says so, without a word of what the file holds.
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("host" in value) || !("token" in value) || !("savedAt" in value)) return undefined;
  const { host, token, savedAt } = value;
  if (typeof host !== "string" || typeof token !== "string" || typeof savedAt !== "string") return undefined;
  return TOKEN.test(token) ? { host, token, savedAt } : undefined;
}
