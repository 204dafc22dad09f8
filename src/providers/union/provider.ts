import { sleep as realSleep } from "../../base/abort.ts";
import { AppError } from "../../base/errors.ts";
import { redactUrl } from "../../base/redact.ts";
import { type ResolvedRoute, type ResolveState, ROOT_ACTION, type RunReference } from "../../targets/resolve_state.ts";
import type { LaunchRequest, Provider, RunSummary } from "../provider.ts";
import { credentialOf } from "./credential_headers.ts";
import { mayCarryCredentials, routeUrl } from "./endpoint.ts";
import { ensureApiKey } from "./ensure_api_key.ts";
import { consoleUrl } from "./guesses.ts";
import { doubtKey, explainFailure, runEnded } from "./explain.ts";
import { UNION_LAUNCH_FLAGS } from "./launch_flags.ts";
import { followLogs } from "./logs.ts";
import type { RunInfo } from "./messages.ts";
import { readinessOf } from "./readiness.ts";
import { rerun } from "./rerun.ts";
import { abortRun, getActionDetails, listRuns, runIdOf } from "./runs.ts";
import { openRunSession } from "./run_session.ts";
import { openSession, type SessionOptions, tokenKeyOf, type UnionSession } from "./session.ts";

/** Options of {@link openUnionProvider}. */
export interface UnionProviderOptions extends Omit<SessionOptions, "apiKeyName"> {
  /** The key pair that runs are started with: the platform's own plugin's, `~/.flyte/ssh-debug/id_ed25519`. */
  readonly keypair: () => Promise<{ readonly publicKey: string; readonly privateKeyPath: string }>;
  /** True to reach runs with a long-lived API key, made if need be, in place of a token that ends within hours. */
  readonly useApiKey?: boolean;
}

/** Runs on a Union or Flyte v2 deployment. Dispose it to close its connections. */
export async function openUnionProvider(options: UnionProviderOptions): Promise<Provider> {
  const { session, apiKeyName } = await openRunSession(options);
  // For what nobody asked for: no browser opens on its behalf.
  const openUnasked = () => openSession({ ...options, apiKeyName, interaction: undefined, refreshToken: false });
  return {
    name: "union",
    launch: (request, { signal }) => launch(session, request, { ...options, signal }),
    resolve: (run, resolveOptions) => resolveRun(session, run, { ...options, ...resolveOptions, apiKeyName }),
    async *list({ signal }) {
      for await (const run of listRuns(session, { signal })) yield summaryOf(session, run);
    },
    stop: async (run, { signal }) => await abortRun(session, runIdOf(session, run.runName), { signal }),
    logs: (run, logOptions) => followLogs(session, run, logOptions),
    explain: (error, failed) => explainFailure(openUnasked, error, failed),
    keyDoubt: (run, keyOptions) => doubtKey(openUnasked, run, keyOptions),
    [Symbol.dispose]: () => session[Symbol.dispose](),
  };
}

async function launch(
  session: UnionSession,
  { name, command: [action, ...more], env, options }: LaunchRequest,
  { keypair, signal }: UnionProviderOptions & { signal?: AbortSignal | undefined },
): Promise<RunSummary> {
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(UNION_LAUNCH_FLAGS, option)) continue;
    throw new AppError("usage", `Cannot use --${option} with union`, {
      hint: "porthole launch --on union [--name NAME] [--env NAME=VALUE] --rerun RUN [ACTION]",
    });
  }
  const { rerun: runName, action: actionName = action ?? ROOT_ACTION } = options;
  if (typeof runName !== "string" || typeof actionName !== "string") {
    throw new AppError(
      "usage",
      action === undefined
        ? "Cannot launch on union: needed the run to run again"
        : `Cannot run ${JSON.stringify(action)} on union: a run there runs a registered task`,
      { hint: "porthole launch --on union --rerun RUN, or start the task yourself with: porthole env" },
    );
  }
  if (more.length > 0 || (action !== undefined && action !== actionName)) {
    throw new AppError(
      "usage",
      `Cannot use ${
        JSON.stringify(more.at(-1) ?? action)
      } behind --rerun ${runName}: one action's name may stand there`,
      { hint: `porthole launch --on union [FLAGS] --rerun ${runName} [ACTION]` },
    );
  }
  const { publicKey } = await keypair();
  const run = await rerun(session, { runName, actionName, name, publicKey, env, signal });
  return { ...summaryOf(session, run), isNew: run.isNew };
}

function summaryOf({ config }: UnionSession, { id, phase, startTime }: RunInfo): RunSummary {
  return {
    provider: "union",
    name: id.name,
    phase,
    url: consoleUrl(config.endpoint, id),
    ...(startTime === undefined ? {} : { startedAt: startTime }),
  };
}

interface ResolveRunOptions extends UnionProviderOptions {
  /** The API key that the session itself acts with. */
  readonly apiKeyName: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly pollIntervalMs: number;
}

async function* resolveRun(
  session: UnionSession,
  run: RunReference,
  options: ResolveRunOptions,
): AsyncGenerator<ResolveState> {
  const { signal, pollIntervalMs, useApiKey = false, sleep = realSleep } = options;
  const actionId = { run: runIdOf(session, run.runName), name: run.actionName };
  // A token for a key is proof enough that the server knows it.
  const apiKeyName = options.apiKeyName ?? (useApiKey ? (await ensureApiKey(session, { signal })).name : undefined);
  for (;;) {
    const readiness = readinessOf(await getActionDetails(session, actionId, { signal }));
    if (readiness.kind === "ended") throw runEnded(run, readiness);
    if (readiness.kind === "ready") {
      const { kind, uri, attempt, ...state } = readiness;
      yield { kind, ...state, resolved: await makeRoute(session, { run, uri, attempt, apiKeyName }, options) };
      return;
    }
    yield readiness;
    await sleep(pollIntervalMs, signal);
  }
}

async function makeRoute(
  session: UnionSession,
  { run, uri, attempt, apiKeyName }: {
    run: RunReference;
    uri: string;
    attempt: number;
    apiKeyName: string | undefined;
  },
  options: ResolveRunOptions,
): Promise<ResolvedRoute> {
  const { config, auth } = session;
  const url = routeUrl(config.endpoint, uri);
  if (auth && !mayCarryCredentials(url)) throw inTheClear(url);
  const { privateKeyPath } = await options.keypair();
  const credential = auth &&
    (apiKeyName === undefined ? credentialOf(session) : await keyCredential(apiKeyName, options));
  return {
    route: {
      kind: "websocket",
      url,
      ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
    },
    runName: run.runName,
    actionName: run.actionName,
    attempt,
    identityFile: privateKeyPath,
    ...(credential ? { credential } : {}),
  };
}

function inTheClear(url: string): AppError {
  return new AppError(
    "provider_failed",
    `Refused to send a credential in the clear, to the IDE link ${redactUrl(url)}`,
    {
      hint: "It comes from the cluster's log configuration, and must be a path or an https:// URL: ask whoever runs it",
    },
  );
}

/** The credential that a dial with the API key carries: another identity, with a token of its own. */
async function keyCredential(
  apiKeyName: string,
  options: ResolveRunOptions,
): Promise<Readonly<Record<string, string>>> {
  using session = await openSession({ ...options, apiKeyName });
  return { ...credentialOf(session, apiKeyName), tokenKey: tokenKeyOf(session.config) };
}
