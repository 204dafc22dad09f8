import { AppError } from "../../base/errors.ts";
import type { Environment } from "../../base/home.ts";
import { DEFAULT_HOST, isLoopback, parseHost } from "./host.ts";
import { loggedInHosts, readToken, validateToken } from "./token_file.ts";
import { readToolConfigs, type ToolConfig } from "./tool_config.ts";

/** What decides where the API is, who asks and about which project. */
export interface AccountOptions {
  readonly env: Environment;
  /** The folder of work, where the search for `.valohai/config.json` begins. */
  readonly cwd: string;
  /** `--host`; before `VALOHAI_HOST` and the settings of Valohai's tool. */
  readonly host?: string | undefined;
  /** `--project`, an id or a name; before `VALOHAI_PROJECT` and the settings of Valohai's tool. */
  readonly project?: string | undefined;
}

/** One Valohai installation and who is logged in to it. Holds a secret. */
export interface Account {
  readonly host: URL;
  readonly token: string;
  /** Where the token was found, as a sentence can quote it: `VALOHAI_TOKEN`. */
  readonly tokenSource: string;
  /** The id or name of the project, if anything tells one. */
  readonly project: string | undefined;
}

/** Where the API is, and which project is meant: all of an {@link Account} that needs no log-in. */
export interface Place {
  readonly host: URL;
  readonly project: string | undefined;
  /** Where the host was found. */
  readonly hostSource: string;
  /** The settings file that told the host, if one did. */
  readonly hostConfig: ToolConfig | undefined;
}

/** @throws AppError `config_invalid` for a host that is none and for settings that cannot be read. */
export async function findPlace({ env, cwd, host, project }: AccountOptions): Promise<Place> {
  const configs = await readToolConfigs(env, cwd);
  const projectFound = project || env.VALOHAI_PROJECT || configs.find(({ projectId }) => projectId)?.projectId;
  if (host) return place(host, "--host", projectFound);
  if (env.VALOHAI_HOST) return place(env.VALOHAI_HOST, "VALOHAI_HOST", projectFound);
  const config = configs.find((each) => each.host);
  if (config?.host) return place(config.host, `host in ${config.path}`, projectFound, config);
  // A token of the environment names no host, and goes to no other than everybody's for the sake of an old log-in.
  const [only, ...more] = env.VALOHAI_TOKEN ? [] : await loggedInHosts(env);
  if (only !== undefined && more.length === 0) return place(only, "the stored log-in", projectFound);
  return place(DEFAULT_HOST, "the default", projectFound);
}

function place(host: string, hostSource: string, project: string | undefined, hostConfig?: ToolConfig): Place {
  return { host: parseHost(host, hostSource), hostSource, project: project || undefined, hostConfig };
}

/**
 * The account to use: `VALOHAI_TOKEN`, else what `porthole auth login --on valohai` stored for the host, else what
 * Valohai's own tool keeps beside it.
 *
 * @throws AppError `auth_denied` when there is no log-in for the host; `config_invalid` when a settings file that came with
 * a folder of work would lead `VALOHAI_TOKEN` to another machine.
 */
export async function findAccount(options: AccountOptions): Promise<Account> {
  const found = await findPlace(options);
  const { host, project } = found;
  const { env } = options;
  if (env.VALOHAI_TOKEN) {
    refuseLedAway(found);
    return { host, project, token: validateToken(env.VALOHAI_TOKEN, "VALOHAI_TOKEN"), tokenSource: "VALOHAI_TOKEN" };
  }
  const stored = await readToken(env, host);
  if (stored) return { host, project, token: stored.token, tokenSource: "porthole auth login" };
  for (const config of await readToolConfigs(env, options.cwd)) {
    if (!config.host || parseHost(config.host, `host in ${config.path}`).origin !== host.origin) continue;
    const token = config.readToken();
    if (token) return { host, project, token, tokenSource: config.path };
  }
  throw await notLoggedIn(env, host);
}

async function notLoggedIn(env: Environment, { origin }: URL): Promise<AppError> {
  const flag = origin === DEFAULT_HOST ? "" : ` --host ${origin}`;
  const login =
    `porthole auth login --on valohai${flag}, with a token from ${origin}/auth/tokens/; or set VALOHAI_TOKEN`;
  const others = await loggedInHosts(env);
  return new AppError("auth_denied", `Cannot reach Valohai at ${origin}: no log-in for it is stored`, {
    hint: others.length > 0
      ? `There is one for ${others.join(", ")}: name it with --host or VALOHAI_HOST; else ${login}`
      : login,
    details: { host: origin },
  });
}

/**
 * A token of the environment names no host: a `.valohai/config.json` that came with somebody's repository must not be able
 * to choose who gets it.
 */
function refuseLedAway({ host, hostConfig }: Place): void {
  if (!hostConfig?.isProjectLocal || host.origin === DEFAULT_HOST || isLoopback(host.hostname)) return;
  throw new AppError(
    "config_invalid",
    `Cannot send VALOHAI_TOKEN to ${host.origin}, which only ${
      JSON.stringify(hostConfig.path)
    } names: a file in a folder of work does not decide who gets it`,
    { hint: `If that is your installation: VALOHAI_HOST=${host.origin}` },
  );
}
