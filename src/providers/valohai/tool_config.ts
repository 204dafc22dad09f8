import { dirname, join, resolve } from "node:path";
import { AppError, describeError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { assertPrivateMode } from "../../base/private_file.ts";
import { validateToken } from "./token_file.ts";

/** What porthole takes from a settings file of Valohai's own command-line tool. */
export interface ToolConfig {
  readonly path: string;
  /** True for a file that came with a folder of work and not from the user's own settings: it may be somebody else's. */
  readonly isProjectLocal: boolean;
  readonly host?: string;
  readonly projectId?: string;
  /** The log-in that the tool keeps beside the host, for that host alone. Secret. @throws AppError `unsafe_file`. */
  readToken(): string | undefined;
}

/**
 * The settings that Valohai's own tool left: `.valohai/config.json` in `cwd` or a folder above it, then its own folder
 * (`VALOHAI_CONFIG_DIR`, else the platform's place for `valohai-cli`). Those that are there, nearest first.
 *
 * The file is JSON with `host`, `token`, `user` and `links`, which maps folders to `{id, name}`; a `project` (an id, or an
 * object with one) is taken as well.
 * @throws AppError `config_invalid` for a file that cannot be read or is no JSON object.
 */
export async function readToolConfigs(env: Environment, cwd: string): Promise<ToolConfig[]> {
  const work = resolve(env.VALOHAI_PROJECT_DIR || cwd);
  const configs: ToolConfig[] = [];
  for (const folder of parents(work)) {
    const found = await readToolConfig(join(folder, ".valohai", "config.json"), { work, isProjectLocal: true });
    if (found) {
      configs.push(found);
      break;
    }
  }
  const own = toolFolder(env);
  const found = own && await readToolConfig(join(own, "config.json"), { work, isProjectLocal: false });
  if (found) configs.push(found);
  return configs;
}

async function readToolConfig(
  path: string,
  { work, isProjectLocal }: { work: string; isProjectLocal: boolean },
): Promise<ToolConfig | undefined> {
  let text: string;
  let mode: number | null;
  try {
    using file = await Deno.open(path);
    ({ mode } = await file.stat());
    text = await new Response(file.readable).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw invalid(path, describeError(error));
  }
  const fields = parseFields(text, path);
  const host = textField(fields, "host");
  const projectId = linkedProject(fields.links, work) ?? idOf(fields.project) ?? textField(fields, "project_id");
  return {
    path,
    isProjectLocal,
    ...(host === undefined ? {} : { host }),
    ...(projectId === undefined ? {} : { projectId }),
    readToken() {
      const token = textField(fields, "token");
      if (token === undefined) return undefined;
      assertPrivateMode(path, { mode, what: "settings of Valohai's tool" });
      return validateToken(token, path);
    },
  };
}

/** Their tool walks from the folder of work upwards to the first one that is linked. */
function linkedProject(links: unknown, work: string): string | undefined {
  if (!isFields(links)) return undefined;
  for (const folder of parents(work)) {
    const id = idOf(links[folder]);
    if (id !== undefined) return id;
  }
  return undefined;
}

function idOf(project: unknown): string | undefined {
  if (typeof project === "string" && project !== "") return project;
  if (typeof project === "number") return String(project);
  return isFields(project) ? idOf(project.id) : undefined;
}

function toolFolder(env: Environment): string | undefined {
  if (env.VALOHAI_CONFIG_DIR) return env.VALOHAI_CONFIG_DIR;
  const home = env.HOME || env.USERPROFILE;
  if (Deno.build.os === "windows") return env.LOCALAPPDATA && join(env.LOCALAPPDATA, "valohai-cli");
  if (Deno.build.os === "darwin") return home && join(home, "Library", "Application Support", "valohai-cli");
  const root = env.XDG_CONFIG_HOME || (home && join(home, ".config"));
  return root && join(root, "valohai-cli");
}

function* parents(folder: string): Iterable<string> {
  for (let at = folder;; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseFields(text: string, path: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(path, "it is not JSON"); // The parser's own message quotes the text, which may hold a token.
  }
  if (!isFields(value)) throw invalid(path, "it is not a JSON object");
  return value;
}

function textField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(path: string, reason: string): AppError {
  return new AppError("config_invalid", `Cannot read Valohai's settings ${JSON.stringify(path)}: ${reason}`, {
    hint: "vh login and vh project link write it anew; or set VALOHAI_HOST and VALOHAI_PROJECT and move it away",
  });
}
