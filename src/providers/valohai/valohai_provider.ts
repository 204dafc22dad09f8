import { AppError, type ErrorCode } from "../../base/errors.ts";
import { ensureKeypair } from "../../ssh/keys/ensure_keypair.ts";
import { portholeKeyPath } from "../../ssh/keys/key_places.ts";
import { nameWithoutAction, type ResolveState, type RunReference } from "../../targets/resolve_state.ts";
import type { TargetRoute } from "../../targets/target.ts";
import type { FailedDial, LaunchRequest, Provider, RunSummary } from "../provider.ts";
import { type AccountOptions, findAccount } from "./account.ts";
import { findProject, getExecution, listExecutions, newestCommit } from "./api.ts";
import { ApiClient, type ApiClientDependencies } from "./api_client.ts";
import { type DebugKey, readDebugKeyFile } from "./debug_key.ts";
import { explainDialFailure } from "./explain.ts";
import { endedError, followExecution, hasEnded } from "./follow_execution.ts";
import { followLog } from "./follow_log.ts";
import { findIdentity } from "./identity.ts";
import { parseLaunch } from "./launch_options.ts";
import { launchPayload } from "./launch_payload.ts";
import { readLaunch, saveLaunch } from "./launch_record.ts";
import { describeKeyLine, describeOffered } from "./offered_key.ts";
import { ownAddress } from "./own_address.ts";
import { openTrustedFetch, type TrustedFetch } from "./trusted_fetch.ts";
import { type Execution, parseExecution } from "./wire.ts";

/** What the provider needs from outside. */
export interface ValohaiProviderOptions extends AccountOptions, ApiClientDependencies {
  /** Between 0 and 1: spreads the looks for the SSH server. */
  readonly random?: () => number;
}

/** A client for one account, and the project it is about. */
interface Session {
  readonly client: ApiClient;
  readonly projectId: string;
}

/** The address is told once the SSH server is up: what still refuses or keeps silent after this long is a firewall. */
const DIAL_PATIENCE_MS = 30_000;

/** What a dial or a log-in fails with; anything else is not about the way to the execution. */
const DIAL_FAILURES: ReadonlySet<ErrorCode> = new Set([
  "auth_denied",
  "dial_failed",
  "handshake_failed",
  "route_not_ready",
  "timeout",
  "tunnel_closed",
]);

type Call = { readonly signal?: AbortSignal | undefined };

/**
 * Valohai's executions: started with an SSH server inside, reached over plain TCP as root.
 *
 * A run is named by its counter in the project (`12`, `#12`) or `latest`. Settings are read when something is first asked.
 */
export class ValohaiProvider implements Provider {
  readonly name = "valohai";
  #session: Promise<Session> | undefined;
  #trusted: TrustedFetch | undefined;
  /** Where the runs that were resolved here are, by the word that they were asked for with. */
  readonly #resolved = new Map<string, { readonly counter: string; readonly route: TargetRoute }>();

  constructor(private readonly options: ValohaiProviderOptions) {}

  /** Closes the connections of a private installation; others are the runtime's own. */
  [Symbol.dispose](): void {
    this.#trusted?.[Symbol.dispose]();
    this.#trusted = undefined;
    this.#session = undefined;
  }

  /**
   * Creates an execution of a step with `remote_debug` filled in; resolves as soon as Valohai took it.
   *
   * @throws AppError `usage`, `key_invalid` before anything is sent; `not_found`, `auth_denied`, `provider_failed`.
   */
  async launch(request: LaunchRequest, { signal }: Call = {}): Promise<RunSummary> {
    const launch = parseLaunch(request);
    const key = await this.#debugKey(launch.debugKeyFile, launch.wantsRsa);
    const { client, projectId } = await this.#open(signal);
    const commit = launch.commit ?? await newestCommit(client, { projectId, signal });
    const body = launchPayload(launch, { projectId, commit, publicKey: key.publicKey });
    const purpose = `launch the step ${JSON.stringify(launch.step)}`;
    const answer = await client.post("/api/v0/executions/", { body, purpose, signal }).catch((error: unknown) => {
      throw withLaunchHint(error, commit);
    });
    const execution = parseExecution(answer);
    await saveLaunch(this.options.env, { host: client.host, executionId: execution.id }, {
      publicKey: key.publicKey,
      debugPort: launch.debugPort,
      ...(key.identityFile === undefined ? {} : { identityFile: key.identityFile }),
    });
    return { ...this.#summary(execution), command: launch.step };
  }

  /** Waits through created and queued, then for the SSH server's address. See {@link Provider.resolve}. */
  async *resolve(
    run: RunReference,
    { signal, pollIntervalMs }: Call & { pollIntervalMs: number },
  ): AsyncGenerator<ResolveState> {
    const runName = nameWithoutAction(run, this.name);
    const counter = parseCounter(runName);
    const { client, projectId } = await this.#open(signal);
    const { sleep, random } = this.options;
    const { execution, details } = yield* followExecution(client, {
      projectId,
      counter,
      pollIntervalMs,
      signal,
      debugKeyOf: async (execution) => (await this.#executionKey(client, execution)).publicKey,
      ...(sleep ? { sleep } : {}),
      ...(random ? { random } : {}),
    });
    const { identityFile } = await this.#executionKey(client, execution);
    const route = { kind: "tcp", host: details.address, port: details.port } as const;
    this.#resolved.set(runName, { counter: String(execution.counter), route });
    yield {
      kind: "ready",
      resolved: {
        route,
        runName: String(execution.counter),
        alias: `valohai-${execution.counter}`,
        // Counters begin anew in every project; the id keeps the host keys of two projects' #12 apart.
        actionName: execution.id,
        attempt: details.attempt,
        user: "root",
        dialPatienceMs: DIAL_PATIENCE_MS,
        ...(identityFile === undefined ? {} : { identityFile }),
      },
    };
  }

  async *list({ signal }: Call = {}): AsyncGenerator<RunSummary> {
    const { client, projectId } = await this.#open(signal);
    for await (const execution of listExecutions(client, { projectId, signal })) yield this.#summary(execution);
  }

  /** Stops an execution; one that has ended already is left alone. */
  async stop(run: RunReference, { signal }: Call = {}): Promise<void> {
    const { client, execution } = await this.#find(nameWithoutAction(run, this.name), signal);
    if (hasEnded(execution)) return;
    const path = execution.stopUrl ?? `${execution.url}stop/`;
    await client.post(path, { purpose: `stop execution #${execution.counter}`, signal });
  }

  async *logs(run: RunReference, { signal, follow }: Call & { follow: boolean }): AsyncGenerator<string> {
    const { client, projectId, execution } = await this.#find(nameWithoutAction(run, this.name), signal);
    const { sleep } = this.options;
    yield* followLog(client, { projectId, execution, follow, signal, ...(sleep ? { sleep } : {}) });
  }

  /** The documented failure that `error` stands for, once a route is known; asks whether the execution has ended meanwhile. */
  async explain(error: AppError, { runName, offeredIdentityFile, signal, ...failed }: FailedDial): Promise<AppError> {
    const known = this.#resolved.get(runName);
    const route = failed.route ?? known?.route;
    if (route?.kind !== "tcp" || !DIAL_FAILURES.has(error.code)) return error;
    const counter = parseCounter(known?.counter ?? runName);
    const found = await this.#find(String(counter), signal).catch((failure: unknown) => {
      // The dial is what failed, and was asked about: it is explained without what the API would have told.
      if (failure instanceof AppError) return undefined;
      throw failure;
    });
    if (found && hasEnded(found.execution)) {
      return await endedError(found.client, { execution: found.execution, signal });
    }
    const { publicKey = undefined } = found ? await this.#executionKey(found.client, found.execution) : {};
    return explainDialFailure(error, {
      counter: found?.execution.counter ?? counter,
      address: route.host,
      port: route.port,
      source: ownAddress(route.host, Deno.networkInterfaces()),
      executionKey: publicKey === undefined ? undefined : await describeKeyLine(publicKey),
      offered: offeredIdentityFile === undefined ? undefined : await describeOffered(offeredIdentityFile),
    });
  }

  async #find(runName: string, signal: AbortSignal | undefined): Promise<Session & { execution: Execution }> {
    const counter = parseCounter(runName);
    const session = await this.#open(signal);
    return { ...session, execution: await getExecution(session.client, { ...session, counter, signal }) };
  }

  #open(signal: AbortSignal | undefined): Promise<Session> {
    signal?.throwIfAborted();
    this.#session ??= this.#openSession(signal).catch((error) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #openSession(signal: AbortSignal | undefined): Promise<Session> {
    const account = await findAccount(this.options);
    if (account.project === undefined) {
      throw new AppError("config_invalid", "Cannot tell which Valohai project is meant: nothing names one", {
        hint: "Give --project, set VALOHAI_PROJECT, or link this folder with vh project link",
      });
    }
    this.#trusted ??= await openTrustedFetch(this.options.env);
    const client = new ApiClient(account, { fetch: this.#trusted.fetch, ...this.options });
    return { client, projectId: await findProject(client, { text: account.project, signal }) };
  }

  async #debugKey(file: string | undefined, wantsRsa: boolean): Promise<DebugKey> {
    if (file !== undefined) {
      if (!wantsRsa) return await readDebugKeyFile(file);
      throw new AppError("usage", "Cannot use --rsa together with --debug-key-file: the file says what key it is", {
        hint: "Leave one of them out",
      });
    }
    const type = wantsRsa ? "rsa" : "ed25519";
    const { publicKey, privateKeyPath } = await ensureKeypair({ path: portholeKeyPath(this.options.env, type), type });
    return { publicKey, identityFile: privateKeyPath };
  }

  /** The key that an execution lets in: what the API tells, else what was kept at its launch. */
  async #executionKey(
    client: ApiClient,
    execution: Execution,
  ): Promise<{ publicKey?: string; identityFile?: string | undefined }> {
    const { env } = this.options;
    const launched = await readLaunch(env, { host: client.host, executionId: execution.id });
    const publicKey = execution.debugKey ?? launched?.publicKey;
    if (publicKey === undefined) return {};
    const isOurs = launched?.publicKey === publicKey;
    return {
      publicKey,
      identityFile: (isOurs ? launched?.identityFile : undefined) ?? await findIdentity(env, publicKey),
    };
  }

  #summary(execution: Execution): RunSummary {
    const { counter, status, startedAt, displayUrl, step, title } = execution;
    const command = title ?? step;
    return {
      provider: this.name,
      name: String(counter),
      phase: status,
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(command === undefined ? {} : { command }),
      ...(displayUrl === undefined ? {} : { url: displayUrl }),
    };
  }
}

/** `text` as an execution's counter: `12`, `#12`, `latest`. @throws AppError `usage`. */
export function parseCounter(text: string): number | "latest" {
  const counter = text.replace(/^#/, "");
  if (counter === "latest") return counter;
  if (/^[1-9]\d{0,14}$/.test(counter)) return Number(counter);
  throw new AppError("usage", `Cannot read ${JSON.stringify(text)} as an execution: needed its number or "latest"`, {
    hint: "porthole list --on valohai shows the numbers",
  });
}

/** A refusal of a launch's own content says what is wrong, and not where the right names are. */
function withLaunchHint(error: unknown, commit: string): unknown {
  if (!(error instanceof AppError) || error.details?.status !== 400) return error;
  return new AppError(error.code, error.message, {
    hint:
      `The names are those of valohai.yaml in the commit ${commit}: --commit ID takes another one, --param and --input ` +
      "what the step knows",
    details: error.details,
    cause: error,
  });
}
