import { oneLine } from "../../base/printable.ts";
import type { RejectConnection } from "../ssh2_adapter.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** RFC 4254 5.1. */
export const OPEN_FAILURE = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  resourceShortage: 4,
} as const;

/** Refuses a channel with words for whoever sits at the client; ssh2's `reject`, which is called, has none. */
export function refuseChannel(
  { _protocol: protocol }: Ssh2Connection,
  reject: RejectConnection,
  { reason, why }: { readonly reason: number; readonly why: string },
): void {
  const fail = protocol.channelOpenFail;
  protocol.channelOpenFail = (peerId) => fail.call(protocol, peerId, reason, oneLine(why));
  try {
    reject();
  } finally {
    protocol.channelOpenFail = fail;
  }
}
