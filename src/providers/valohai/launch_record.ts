import { type Environment, portholeHome } from "../../base/home.ts";
import { ensurePrivateFolder, writeFileAtomic } from "../../base/private_file.ts";
import { isFields } from "./wire.ts";

/** What porthole remembers of an execution that it started: no secret, but the answer to "with which key?". */
export interface LaunchRecord {
  readonly publicKey: string;
  readonly debugPort: number;
  /** The private half, if it was known. */
  readonly identityFile?: string;
}

/** Names one execution among all that one user may reach. */
export interface ExecutionName {
  readonly host: URL;
  readonly executionId: string;
}

/** Remembers with which key the execution was started. */
export async function saveLaunch(env: Environment, name: ExecutionName, record: LaunchRecord): Promise<void> {
  await ensurePrivateFolder(folder(env, name));
  await writeFileAtomic(recordPath(env, name), `${JSON.stringify(record, null, 2)}\n`);
}

/** What {@link saveLaunch} kept; undefined for an execution that somebody else, or the web page, started. */
export async function readLaunch(env: Environment, name: ExecutionName): Promise<LaunchRecord | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(recordPath(env, name)));
  } catch (error) {
    // A record is a convenience: a damaged one is as good as none.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isFields(value)) return undefined;
  const { publicKey, debugPort, identityFile } = value;
  if (typeof publicKey !== "string" || typeof debugPort !== "number") return undefined;
  return { publicKey, debugPort, ...(typeof identityFile === "string" ? { identityFile } : {}) };
}

function folder(env: Environment, { host }: ExecutionName): string {
  return `${portholeHome(env)}/valohai/${safe(host.host)}`;
}

function recordPath(env: Environment, name: ExecutionName): string {
  return `${folder(env, name)}/${safe(name.executionId)}.json`;
}

/** The id comes from the server: nothing of it may climb out of the folder. */
function safe(text: string): string {
  return text.replace(/[^A-Za-z0-9-]/g, "_").slice(0, 100) || "_";
}
