/** How far a client has come on its way in: nothing said yet, speaks SSH, has agreed upon keys. */
export type Stage = "silent" | "greeted" | "keyed";

const STAGES: readonly Stage[] = ["silent", "greeted", "keyed"];

/** Options of {@link WaitingClients}. */
export interface WaitingClientsOptions {
  readonly maxWaiting: number;
  /** One was sent away to make room. */
  onSentAway?(): void;
}

/** One client's place; disposed once it has logged in or is gone. */
export interface Place extends Disposable {
  /** It has come further; `sendAway` replaces the way in which it is told to go. */
  advance(stage: Stage, sendAway?: () => void): void;
}

interface Waiting {
  stage: Stage;
  sendAway: () => void;
}

/**
 * Those who have not logged in, up to a limit. A newcomer is always let in: when all places are taken, the one that has
 * come least far has to go, of these the one that came first. So a flood of connections that never speak keeps nobody
 * out, who needs a moment for each step.
 */
export class WaitingClients {
  readonly #options: WaitingClientsOptions;
  /** By stage, in the order in which they got there. */
  readonly #waiting: Readonly<Record<Stage, Set<Waiting>>> = {
    silent: new Set(),
    greeted: new Set(),
    keyed: new Set(),
  };

  constructor(options: WaitingClientsOptions) {
    this.#options = options;
  }

  get count(): number {
    return STAGES.reduce((sum, stage) => sum + this.#waiting[stage].size, 0);
  }

  /** Takes a client in; `sendAway` is called if it has to go, and must not call back. */
  enter(sendAway: () => void): Place {
    while (this.count >= this.#options.maxWaiting) this.#sendOneAway();
    const client: Waiting = { stage: "silent", sendAway };
    this.#waiting.silent.add(client);
    return {
      advance: (stage, sendAway = client.sendAway) => this.#advance(client, { stage, sendAway }),
      [Symbol.dispose]: () => void this.#waiting[client.stage].delete(client),
    };
  }

  /** Sends half of them away: something that all need has run out. */
  sendHalfAway(): void {
    for (let left = Math.ceil(this.count / 2); left > 0; left--) this.#sendOneAway();
  }

  #advance(client: Waiting, next: Waiting): void {
    // It was sent away meanwhile: there is no way back.
    if (!this.#waiting[client.stage].delete(client)) return next.sendAway();
    Object.assign(client, next);
    this.#waiting[client.stage].add(client);
  }

  #sendOneAway(): void {
    for (const stage of STAGES) {
      const [first] = this.#waiting[stage];
      if (!first) continue;
      this.#waiting[stage].delete(first);
      first.sendAway();
      this.#options.onSentAway?.();
      return;
    }
  }
}
