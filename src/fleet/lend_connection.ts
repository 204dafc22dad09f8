import type { SshConnection } from "../ssh/client/connection.ts";
import type { Connector } from "./connector.ts";
import type { HostOptions } from "./fleet_options.ts";
import type { LendConnection } from "./fleet_call.ts";

/** Hands out connections and closes them in time. */
export interface ConnectionLender extends AsyncDisposable {
  readonly lend: LendConnection;
}

/** A lender that connects for each use and closes behind it; closing goes on while the next host is worked on. */
export function freshConnections(connector: Connector): ConnectionLender {
  const closing = new Set<Promise<void>>();
  return {
    async lend(host, use, { signal }) {
      const connection = await connector.connect(host, { signal });
      try {
        return await use(connection);
      } finally {
        const closed = connection.close().finally(() => closing.delete(closed));
        closing.add(closed);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(closing);
    },
  };
}

/** A lender that keeps one connection a host open until it is disposed; one that broke is made anew. */
export function keptConnections(connector: Connector): ConnectionLender {
  // By the host itself: its name may be that of another one, on another port.
  const kept = new Map<HostOptions, Promise<SshConnection>>();
  const open = (host: HostOptions, signal: AbortSignal | undefined): Promise<SshConnection> => {
    const opening = connector.connect(host, { signal });
    kept.set(host, opening);
    opening.catch(() => kept.delete(host));
    return opening;
  };
  return {
    async lend(host, use, { signal }) {
      const known = await kept.get(host)?.catch(() => undefined);
      return await use(known && !known.isClosed ? known : await open(host, signal));
    },
    async [Symbol.asyncDispose]() {
      const opened = await Promise.allSettled(kept.values());
      kept.clear();
      await Promise.all(opened.map((one) => one.status === "fulfilled" ? one.value.close() : undefined));
    },
  };
}
