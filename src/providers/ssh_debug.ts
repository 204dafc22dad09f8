import { resolve } from "node:path";
import { parseDuration } from "../base/duration.ts";
import { AppError } from "../base/errors.ts";
import type { Environment } from "../base/home.ts";
import { ensureKeypair, type EnsureKeypairResult } from "../ssh/keys/ensure_keypair.ts";
import { portholeKeyPath, unionKeyPath } from "../ssh/keys/key_places.ts";
import { connectTarget } from "../targets/connect.ts";
import { launchEnv } from "../targets/launch_env.ts";
import { ROOT_ACTION } from "../targets/resolve_state.ts";
import { renderTargetBlock } from "../targets/ssh_block.ts";
import { credentialSource } from "./credential_source.ts";
import { chooseProvider, openProvider, type ProviderName, type ProviderSettings } from "./open_provider.ts";

/** Options of {@link SSHDebug.connect}. */
export interface SSHDebugConnectOptions extends Omit<ProviderSettings, "useApiKey" | "refreshToken"> {
  readonly runName: string;
  /** `a0` unless told otherwise. */
  readonly actionName?: string;
  /** The login user; `root` unless told otherwise, as on the platform. */
  readonly user?: string;
  /** The private key; the provider's own unless told otherwise. */
  readonly identityFile?: string;
  /** What ssh is to call it: `flyte-debug` unless told otherwise. */
  readonly hostAlias?: string;
  readonly useApiKey?: boolean;
  readonly refreshToken?: boolean;
  /** `Name: value` lines sent at every dial; 0600. */
  readonly headersFile?: string;
  /** Seconds, or a duration such as `"5m"`; 300 unless told otherwise. */
  readonly timeout?: number | string;
  /** Seconds, or a duration; 3 unless told otherwise. */
  readonly pollInterval?: number | string;
  /** True unless told otherwise: waits until an SSH server answers behind the route, not only for the platform's word. */
  readonly waitForRoute?: boolean;
  /** Where the run is; else found out as `porthole connect` does. */
  readonly provider?: ProviderName;
  readonly signal?: AbortSignal;
  /** Each state on the way, as one line. */
  readonly onProgress?: (line: string) => void;
  /** The process's own unless told otherwise. */
  readonly env?: Environment;
  /** The words that run the program `porthole`, for the ProxyCommand. */
  readonly program?: readonly string[];
}

/** A run that can be reached: what Union's and Flyte's users know as `SSHDebug`. */
export class SSHDebug {
  private constructor(
    readonly runName: string,
    readonly actionName: string,
    /** Where the WebSocket is; empty for a run that is reached by plain TCP. */
    readonly wssUrl: string,
    /** The `Host` block of ssh_config(5). */
    readonly sshConfig: string,
    readonly hostAlias: string,
    readonly headersFile?: string,
  ) {}

  /**
   * Waits until a run can be reached and makes it the target `hostAlias`.
   *
   * @throws AppError `timeout` with the last state seen, `run_ended` with the platform's message, `auth_denied`, ...
   */
  static async connect(options: SSHDebugConnectOptions): Promise<SSHDebug> {
    const { runName, actionName = ROOT_ACTION, hostAlias = "flyte-debug", user = "root", headersFile, signal } =
      options;
    const { env = Deno.env.toObject(), program = ownProgram(), onProgress = () => {} } = options;
    const context = { env, self: program, signal, notice: onProgress };
    const name = options.provider ?? await chooseProvider(context, { runName, settings: options });
    using provider = await openProvider(name, context, options);
    const pollIntervalMs = toMs(options.pollInterval ?? 3, "pollInterval");
    const { record } = await connectTarget({
      env,
      provider: name,
      runName,
      alias: hostAlias,
      user,
      identityFile: options.identityFile && resolve(options.identityFile),
      defaultIdentityFile: async () => (await ensureKeypair({ path: portholeKeyPath(env), signal })).privateKeyPath,
      headersFile: headersFile && resolve(headersFile),
      timeoutMs: toMs(options.timeout ?? 300, "timeout"),
      pollIntervalMs,
      waitForRoute: options.waitForRoute,
      signal,
      resolve: (followSignal) => provider.resolve({ runName, actionName }, { signal: followSignal, pollIntervalMs }),
      credentialSource: (credential) => credentialSource(credential, env),
      explain: async (error) => await provider.explain?.(error, { runName, actionName, signal }) ?? error,
      onProgress,
    });
    const wssUrl = record.route.kind === "websocket" ? record.route.url : "";
    const sshConfig = renderTargetBlock(record, { self: program, env, multiplex: true });
    return new SSHDebug(record.runName, record.actionName, wssUrl, sshConfig, record.alias, headersFile);
  }

  /**
   * The key pair for debug runs, made if there is none: `~/.flyte/ssh-debug/id_ed25519`, which Union's own tools use too.
   *
   * @throws AppError `unsafe_file`, `key_invalid`: see `ensureKeypair`.
   */
  static async ensureKeypair({ env = Deno.env.toObject() }: { env?: Environment } = {}): Promise<EnsureKeypairResult> {
    return await ensureKeypair({ path: unionKeyPath(env) });
  }

  /**
   * The long-lived API key `name` of a Union deployment, as `FLYTE_API_KEY` takes it: the stored one while the server
   * knows it, else a new one, stored 0600.
   *
   * @throws AppError `already_exists` when the name is somebody else's, with another one to take; `auth_denied`.
   */
  static async ensureApiKey(
    name = "flyte-ssh-debug",
    { env = Deno.env.toObject(), config, onProgress: notice = () => {}, signal }: Pick<
      SSHDebugConnectOptions,
      "env" | "config" | "onProgress" | "signal"
    > = {},
  ): Promise<string> {
    const { openSession } = await import("./union/session.ts");
    const { ensureApiKey } = await import("./union/ensure_api_key.ts");
    using session = await openSession({ env, cwd: Deno.cwd(), configFile: config, interaction: { notice } });
    return (await ensureApiKey(session, { name, signal })).encoded;
  }

  /**
   * The environment that makes a run reachable by the holder of {@link SSHDebug.ensureKeypair}'s key, `extra` added.
   *
   * @throws AppError `usage` when `extra` would change one of `_F_E_SSH`, `_F_E_VS` and `_F_SSH_PK`.
   */
  static async launchEnv(
    extra: Readonly<Record<string, string>> = {},
    { env = Deno.env.toObject() }: { env?: Environment } = {},
  ): Promise<Record<string, string>> {
    return launchEnv((await SSHDebug.ensureKeypair({ env })).publicKey, extra);
  }
}

/** The compiled program, or this source with the runtime that runs it. */
function ownProgram(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const file = (name: string) => new URL(`../../${name}`, import.meta.url);
  if (file("main.ts").protocol !== "file:") {
    throw new AppError(
      "config_invalid",
      "Cannot tell where the program porthole is: this library was loaded from the network",
      {
        hint: 'Name it: SSHDebug.connect({ program: ["/usr/local/bin/porthole"], ... })',
      },
    );
  }
  const [config, main] = ["deno.json", "main.ts"].map((name) => decodeURIComponent(file(name).pathname));
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", `--config=${config}`, main ?? ""];
}

function toMs(value: number | string, name: string): number {
  if (typeof value === "string") return parseDuration(value, name);
  if (value >= 0) return value * 1000;
  throw new AppError("usage", `Cannot use ${value} as ${name}: needed a number of seconds, 0 or more`, {
    hint: 'Or a duration, such as "5m"',
  });
}
