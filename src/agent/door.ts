import type { AuthAttempt } from "../ssh/server/authentication.ts";
import type { SshConnection } from "../ssh/server/connection.ts";
import { DISCONNECT } from "../ssh/server/disconnect.ts";
import { FailedLogins } from "./failed_logins.ts";
import type { Arrival } from "./front.ts";
import type { LimitNotices } from "./limit_notices.ts";
import { WaitingClients } from "./waiting_clients.ts";

/** Options of {@link Door}. */
export interface DoorOptions {
  readonly maxUnauthenticated: number;
  readonly maxFailedLogins: number;
  readonly notices: LimitNotices;
}

interface Visitor extends Pick<Arrival, "address" | "place" | "confirm"> {
  wasRefused: boolean;
}

/** What becomes of clients until they have logged in: how many there may be, and who has failed too often. */
export class Door {
  readonly waiting: WaitingClients;
  readonly failedLogins: FailedLogins;
  readonly #visitors = new WeakMap<SshConnection, Visitor>();
  readonly #notices: LimitNotices;

  constructor({ maxUnauthenticated, maxFailedLogins, notices }: DoorOptions) {
    this.#notices = notices;
    this.failedLogins = new FailedLogins({ maxFailures: maxFailedLogins });
    const line = `${maxUnauthenticated} connections have not logged in: closed the one that had come least far`;
    this.waiting = new WaitingClients({
      maxWaiting: maxUnauthenticated,
      onSentAway: () => notices.add("--max-unauthenticated", line),
    });
  }

  /** A client begins to speak SSH. */
  arrived(connection: SshConnection, { address, place, confirm = () => {} }: Arrival): void {
    const visitor: Visitor = { address, place, confirm, wasRefused: false };
    this.#visitors.set(connection, visitor);
    const farewell = {
      reason: DISCONNECT.tooManyConnections,
      why: "too many connections that have not logged in: try again",
    };
    place.advance("greeted", () => connection.refuse(farewell));
    connection.gone.addEventListener("abort", () => this.#left(connection, visitor), { once: true });
  }

  /** It has come further than most that only want to take up room. */
  keysAgreed(connection: SshConnection): void {
    this.#visitors.get(connection)?.place.advance("keyed");
  }

  tried(connection: SshConnection, { attempt, isAccepted }: { attempt: AuthAttempt; isAccepted: boolean }): void {
    const visitor = this.#visitors.get(connection);
    if (visitor && !isAccepted && attempt.method !== "none") visitor.wasRefused = true;
  }

  loggedIn(connection: SshConnection): void {
    const visitor = this.#visitors.get(connection);
    visitor?.place[Symbol.dispose]();
    visitor?.confirm?.();
    if (visitor?.address !== undefined) this.failedLogins.forget(visitor.address);
  }

  #left(connection: SshConnection, { address, place, wasRefused }: Visitor): void {
    place[Symbol.dispose]();
    if (connection.user !== undefined || !wasRefused || address === undefined) return;
    if (!this.failedLogins.add(address)) return;
    this.#notices.add("--max-failed-logins", `${JSON.stringify(address)} is shut out: too many failed log-ins`);
  }
}
