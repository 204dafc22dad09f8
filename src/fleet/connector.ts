import { orAbort, sleep } from "../base/abort.ts";
import { AppError, toAppError } from "../base/errors.ts";
import { connectSsh } from "../ssh/client/connect.ts";
import { isKeyAccepted } from "../ssh/client/probe_public_key.ts";
import type { SshConnection } from "../ssh/client/connection.ts";
import type { Dialer } from "../stream/byte_stream.ts";
import { dialTcp } from "../stream/tcp.ts";
import type { FleetSettings, HostOptions, JumpOptions } from "./fleet_options.ts";
import type { HostKeys } from "./host_keys.ts";
import type { HostSettings } from "./host_settings.ts";
import { dialProxyCommand } from "./proxy_command.ts";
import type { SettingsResolver } from "./resolve_settings.ts";

/** The first wait before another try; each further one is twice as long. */
const RETRY_BASE_MS = 200;
/** Jump hosts that lead to each other would go on for ever. */
const MAX_JUMPS = 8;

/** Makes connections for one call; what jump hosts it needs it opens once, and closes when it is disposed. */
export interface Connector extends AsyncDisposable {
  /** @throws AppError as `connectSsh`, with a jump host's failure named as such. */
  connect(host: HostOptions, options: { signal: AbortSignal | undefined }): Promise<SshConnection>;
  /** Where the host is dialled and as whom, without dialling. */
  resolve(host: HostOptions): Promise<HostSettings>;
  /** Whether the host would take a log-in with a key of which the public half is known. @throws AppError as `connect`. */
  isKeyAccepted(host: HostSettings, options: ProbeOptions): Promise<boolean>;
  /** A dialer for the host's SSH port, through its jumps, ProxyCommand or alias. */
  dialerOf(settings: HostSettings): Dialer;
}

/** Options of {@link Connector.isKeyAccepted}. */
export interface ProbeOptions {
  /** RFC 4253 6.6. */
  readonly publicBlob: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** What a connector is made of. */
export interface ConnectorParts {
  readonly settings: FleetSettings;
  readonly resolver: SettingsResolver;
  readonly hostKeys: HostKeys;
  readonly signal?: AbortSignal | undefined;
}

/** @returns a connector; dispose it once no connection of its is needed any more. */
export function createConnector({ settings, resolver, hostKeys, signal }: ConnectorParts): Connector {
  const jumps = new Map<string, Promise<SshConnection>>();

  const connectOptions = async (host: HostSettings, depth: number, hostSignal: AbortSignal | undefined) => {
    const { verify, knownTypes, wantsCertificate } = await hostKeys.of(host);
    return {
      dial: dialer(host, depth),
      host: host.name,
      sshWords: host.sshWords,
      user: host.user,
      verifyHostKey: verify,
      preferredKeyTypes: knownTypes,
      wantsCertificate,
      connectTimeoutMs: host.connectTimeoutMs,
      keepAliveIntervalMs: settings.keepAliveIntervalMs,
      keepAliveMax: settings.keepAliveMax,
      signal: hostSignal,
    };
  };

  const connectOnce = async (host: HostSettings, depth: number, hostSignal: AbortSignal | undefined) => {
    const { identities, agent, password, name } = host;
    const credentials = { identities, agent, password, ask: resolver.askFor(name) };
    return await connectSsh({ ...await connectOptions(host, depth, hostSignal), credentials });
  };

  const dialer = (host: HostSettings, depth: number): Dialer => {
    const { alias, proxyCommand, hostname, port, connectTimeoutMs: timeoutMs } = host;
    if (alias) return alias.dial;
    if (host.jumps.length > 0) {
      return async ({ signal }) => {
        const jump = await orAbort(openJump(host.jumps, depth + 1), signal);
        return await jump.openTcp({ host: hostname, port }, { signal });
      };
    }
    if (proxyCommand) {
      return ({ signal }) => dialProxyCommand(proxyCommand, { shell: settings.environment.SHELL, signal });
    }
    return ({ signal }) => dialTcp({ hostname, port, signal, timeoutMs });
  };

  /** The connection to the last of `chain`, opened once for all hosts behind it. */
  const openJump = async (chain: readonly JumpOptions[], depth: number): Promise<SshConnection> => {
    const key = JSON.stringify(chain);
    const known = jumps.get(key);
    if (known && !(await known.catch(() => undefined))?.isClosed) return await known;
    const opening = connectJump(chain, depth);
    opening.catch(() => {/* whoever waits for it is told */});
    jumps.set(key, opening);
    return await opening;
  };

  const connectJump = async (chain: readonly JumpOptions[], depth: number): Promise<SshConnection> => {
    const last = chain.at(-1);
    if (!last || depth > MAX_JUMPS) throw new AppError("config_invalid", `More than ${MAX_JUMPS} jump hosts in a row`);
    try {
      const resolved = await resolver.resolve(last, { isJump: true });
      // The first of a chain may have a jump of its own in ssh_config; the others come through the one before them.
      const host = chain.length > 1 ? { ...resolved, jumps: chain.slice(0, -1), proxyCommand: undefined } : resolved;
      return await withRetries(() => connectOnce(host, depth, signal), signal);
    } catch (error) {
      throw viaJump(last.host, error);
    }
  };

  const withRetries = async <T>(attempt: () => Promise<T>, retrySignal: AbortSignal | undefined): Promise<T> => {
    for (let tries = 0;; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (tries >= settings.maxRetries || !isTransient(error)) throw error;
        await sleep(RETRY_BASE_MS * 2 ** tries * (0.75 + Math.random() / 2), retrySignal);
      }
    }
  };

  return {
    async connect(host, { signal: hostSignal }) {
      const resolved = await resolver.resolve(host);
      return await withRetries(() => connectOnce(resolved, 0, hostSignal), hostSignal);
    },
    resolve: (host) => resolver.resolve(host),
    isKeyAccepted: (host, { publicBlob, signal: hostSignal }) =>
      withRetries(
        async () => await isKeyAccepted({ ...await connectOptions(host, 0, hostSignal), publicBlob }),
        hostSignal,
      ),
    dialerOf: (host) => dialer(host, 0),
    async [Symbol.asyncDispose]() {
      const opened = await Promise.allSettled(jumps.values());
      await Promise.all(opened.map((jump) => jump.status === "fulfilled" ? jump.value.close() : undefined));
    },
  };
}

/** What another try may mend: refused, reset, hung up on before the log-in (sshd's MaxStartups does that). */
function isTransient(error: unknown): boolean {
  // The way to a jump host has had its tries.
  if (!(error instanceof AppError) || error.details?.jump !== undefined) return false;
  if (error.code === "handshake_failed") return /hung up|broke|lost/i.test(error.message);
  const reason = error.details?.reason;
  return error.code === "dial_failed" && (reason === "refused" || reason === "unreachable" || reason === "other");
}

function viaJump(name: string, error: unknown): AppError {
  const { code, message, hint, details } = toAppError(error);
  return new AppError(code, `Jump host ${JSON.stringify(name)}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { ...details, jump: name },
    cause: error,
  });
}
