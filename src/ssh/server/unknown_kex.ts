import { changeOffer } from "../kex/offer.ts";
import type { Ssh2Connection } from "./ssh2_internals.ts";

/** What is offered in place of our key exchanges. */
const UNKNOWN_KEX = "none-in-common@porthole";

/**
 * Offers no key exchange but one that nobody knows: to see what a client makes of it.
 *
 * ssh2 cannot be configured so, and whatever it can be configured to offer, some client knows. Must be called when the
 * client has said what it is, before its first packet.
 */
export function offerUnknownKex({ _protocol: protocol }: Ssh2Connection): void {
  changeOffer(protocol, () => ({ kex: [UNKNOWN_KEX] }));
}
