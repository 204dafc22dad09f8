import { sleep as realSleep } from "../base/abort.ts";
import type { AppError } from "../base/errors.ts";
import { chooseLocalPorts, LOCAL_ADDRESS, type Tunnel } from "./forward_ports.ts";
import { awaitAnswer } from "./forward_probe.ts";
import type { ForwardSpec } from "./forward_spec.ts";
import { type ForwardSsh, startForwardSsh } from "./forward_ssh.ts";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;
/** As gcloud's IAP tunnel: a laptop that slept, a network that changed. Beyond that somebody should look. */
const GIVE_UP_AFTER_MS = 15 * 60_000;
/** Ports that somebody took between our look and ssh's: looked for again this often. */
const PORT_TRIES = 5;

/** Options of {@link keepTunnels}. */
export interface KeepTunnelsOptions {
  readonly alias: string;
  /** The target's block, without ControlMaster. Asked for anew at every start, since a run may have moved. */
  config(): Promise<string>;
  readonly specs: readonly ForwardSpec[];
  readonly signal: AbortSignal;
  readonly sshProgram?: string;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** What happens to tunnels, in its order. */
export type ForwardEvent =
  /** The far end answers. Comes again when the local port had to change. */
  | { readonly kind: "ready"; readonly tunnel: Tunnel; readonly url: string }
  /** The tunnel stands, and nobody answers at its far end yet. */
  | { readonly kind: "waiting"; readonly tunnel: Tunnel; readonly found: string }
  | { readonly kind: "dropped"; readonly error: AppError; readonly retryInMs: number }
  | { readonly kind: "restored" };

/**
 * Opens the tunnels and keeps them open, over drops too, until `signal` aborts; then no ssh is left.
 *
 * @throws AppError what ended the very first ssh; later `auth_denied` and `host_key_mismatch`, or the last failure after
 * 15 minutes of them; `already_exists` for a busy local port that was named. The signal's reason on abort.
 */
export async function* keepTunnels(options: KeepTunnelsOptions): AsyncGenerator<ForwardEvent, never> {
  const { signal, sleep = realSleep } = options;
  const keeper = new Keeper(options);
  let failingSince: number | undefined;
  for (let backoffMs = FIRST_BACKOFF_MS;;) {
    const { error, wasUp } = yield* keeper.holdOnce();
    signal.throwIfAborted();
    if (wasUp) {
      failingSince = undefined;
      backoffMs = FIRST_BACKOFF_MS;
    }
    failingSince ??= performance.now();
    if (isFinal(error, keeper) || performance.now() - failingSince > GIVE_UP_AFTER_MS) throw error;
    yield { kind: "dropped", error, retryInMs: backoffMs };
    await sleep(backoffMs, signal);
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
  }
}

function isFinal({ code }: AppError, { hasBeenUp }: Keeper): boolean {
  return !hasBeenUp || code === "auth_denied" || code === "host_key_mismatch";
}

class Keeper {
  hasBeenUp = false;
  #tunnels: readonly Tunnel[];
  readonly #announced = new Map<number, number>();

  constructor(private readonly options: KeepTunnelsOptions) {
    this.#tunnels = options.specs;
  }

  /** One life of ssh: from its start, through the answers of the tunnels, to its end. */
  async *holdOnce(): AsyncGenerator<ForwardEvent, { error: AppError; wasUp: boolean }> {
    const { signal, alias, config, sshProgram } = this.options;
    for (let tries = 1;; tries++) {
      signal.throwIfAborted();
      this.#tunnels = chooseLocalPorts(this.#tunnels);
      await using ssh = await startForwardSsh({
        alias,
        config: await config(),
        tunnels: this.#tunnels,
        ...(sshProgram === undefined ? {} : { program: sshProgram }),
      });
      const outcome = yield* this.#follow(ssh);
      if (outcome.error.code !== "already_exists" || outcome.wasUp || tries === PORT_TRIES) return outcome;
    }
  }

  /** Tells of each tunnel as it answers, until ssh ends. */
  async *#follow(ssh: ForwardSsh): AsyncGenerator<ForwardEvent, { error: AppError; wasUp: boolean }> {
    const events = new EventQueue();
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.options.signal]);
    const isRestart = this.hasBeenUp;
    let isUp = false;
    const looking = ssh.listening.then(async () => {
      isUp = this.hasBeenUp = true;
      if (isRestart) events.push({ kind: "restored" });
      await Promise.all(this.#tunnels.map((tunnel) => this.#lookFor(tunnel, { ssh, events, signal })));
    });
    try {
      for (;;) {
        const event = await events.next(ssh.ended, this.options.signal);
        if (event === undefined) break;
        if (event.kind !== "ready" || this.#isNews(event.tunnel)) yield event;
      }
      this.options.signal.throwIfAborted();
      return { error: await ssh.ended, wasUp: isUp };
    } finally {
      stop.abort();
      // An ssh that never came to listen has nobody looking.
      if (isUp) await looking;
    }
  }

  async #lookFor(
    tunnel: Tunnel,
    { ssh, events, signal }: { ssh: ForwardSsh; events: EventQueue; signal: AbortSignal },
  ): Promise<void> {
    try {
      await awaitAnswer(tunnel, {
        signal,
        onWaiting: () =>
          events.push({
            kind: "waiting",
            tunnel,
            found: reasonToWait(tunnel, ssh.lastWords()),
          }),
      });
      events.push({ kind: "ready", tunnel, url: tunnelUrl(tunnel) });
    } catch (error) {
      if (!signal.aborted) throw error;
      // Nobody waits for this tunnel any more: ssh has ended, or all of it was cancelled.
    }
  }

  #isNews(tunnel: Tunnel): boolean {
    const index = this.#tunnels.indexOf(tunnel);
    if (this.#announced.get(index) === tunnel.localPort) return false;
    this.#announced.set(index, tunnel.localPort);
    return true;
  }
}

/** RFC 4254 5.1: that nobody listens there is a failed connect; that it may not be asked for is another reason. */
function reasonToWait({ remotePort }: Tunnel, lastWords: string): string {
  const why = /administratively prohibited: (.*)$/.exec(lastWords)?.[1];
  if (why === undefined) return `nothing answers on its port ${remotePort} yet`;
  // OpenSSH's own description of every refusal.
  return `its SSH server forbids tunnels to port ${remotePort}${why === "open failed" ? "" : `: ${why}`}`;
}

/** What a browser or a debugger is told: a URL for HTTP, `host:port` otherwise. */
export function tunnelUrl({ isHttp, localPort }: Tunnel): string {
  return isHttp ? `http://${LOCAL_ADDRESS}:${localPort}/` : `${LOCAL_ADDRESS}:${localPort}`;
}

/** Events from several watchers, taken by one. */
class EventQueue {
  readonly #events: ForwardEvent[] = [];
  #wake: (() => void) | undefined;

  push(event: ForwardEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** The next event; undefined once `end` has settled or `signal` aborted and none is left. */
  async next(end: Promise<unknown>, signal: AbortSignal): Promise<ForwardEvent | undefined> {
    const event = this.#events.shift();
    if (event || signal.aborted) return event;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    await Promise.race([promise, end]);
    signal.removeEventListener("abort", wake);
    return this.#events.shift();
  }
}
