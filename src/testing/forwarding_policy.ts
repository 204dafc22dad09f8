import { AppError } from "../base/errors.ts";
import { hostPort } from "../base/host_port.ts";
import type { ConnectionHandlers } from "../ssh/server/handlers.ts";
import { FORBIDDEN } from "../ssh/server/forwarding.ts";
import { forwarding } from "../ssh/server/network_forwarding.ts";
import type { TcpAddress } from "../stream/tcp.ts";
import type { EventLog } from "./event_log.ts";
import type { FaultSet } from "./faults.ts";

/** A decision about one forwarding: no, yes, or yes but to another address. */
export type ForwardingDecision = boolean | TcpAddress;

/**
 * What clients may forward. `direct` is `-L`, `-D` and `-W`, `listen` is `-R`. True allows loopback addresses alone: a test
 * seldom means to reach further.
 */
export type ForwardingPolicy =
  | boolean
  | ((address: TcpAddress, kind: "direct" | "listen") => ForwardingDecision | Promise<ForwardingDecision>);

/** Options of {@link forwardingHandlers}. */
export interface ForwardingOptions {
  readonly connection: number;
  readonly policy: ForwardingPolicy;
  readonly events: EventLog;
  readonly faults: FaultSet;
}

type ForwardingHandlers = Required<Pick<ConnectionHandlers, "directTcp" | "listenTcp">>;

/** Forwarding as `policy` has it, each request told as an event. */
export function forwardingHandlers({ connection, policy, events, faults }: ForwardingOptions): ForwardingHandlers {
  const decide = async (address: TcpAddress, kind: "direct" | "listen"): Promise<TcpAddress | undefined> => {
    const decision = typeof policy === "function" ? await policy(address, kind) : policy && isLoopback(address);
    return decision === true ? address : decision || undefined;
  };
  return {
    async directTcp(target, options) {
      const isFaulty = faults.take("channel-refused", ({ channel }) => channel === "direct-tcpip") !== undefined;
      const address = isFaulty ? undefined : await decide(target, "direct");
      events.add("channel", { connection, channel: "direct-tcpip", target, isAllowed: address !== undefined });
      if (!address) throw forbidden(`Forwarding to ${nameOf(target)}`);
      return await forwarding.directTcp(address, options);
    },
    async listenTcp(asked, accept) {
      const address = await decide(asked, "listen");
      const listener = address && await forwarding.listenTcp(address, (stream, origin) => {
        events.add("channel", { connection, channel: "forwarded-tcpip", target: origin, isAllowed: true });
        accept(stream, origin);
      });
      events.add("listen", {
        connection,
        address: asked,
        port: listener?.port ?? 0,
        isAllowed: listener !== undefined,
      });
      if (!listener) throw forbidden(`Listening on ${nameOf(asked)}`);
      return listener;
    },
  };
}

function isLoopback({ hostname }: TcpAddress): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function forbidden(what: string): AppError {
  return new AppError("dial_failed", `${what} is not allowed`, { details: { reason: FORBIDDEN } });
}

function nameOf({ hostname, port }: TcpAddress): string {
  return JSON.stringify(hostPort(hostname, port));
}
