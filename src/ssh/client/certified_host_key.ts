/**
 * Host certificates with ssh2 1.17, which knows none: what of its inside this takes is named here.
 *
 * A certificate is one more name in the list of host key algorithms. What the server then shows is hashed as it came
 * (RFC 4253 8, K_S), but the exchange is signed with the key inside, under that key's own name.
 */
import { Buffer } from "node:buffer";
import { changeOffer, type Offer } from "../kex/offer.ts";
import { CERTIFICATE_TYPES, certifiedType, type HostCertificate } from "../known_hosts/host_certificate.ts";
import type { Client } from "../ssh2_adapter.ts";

interface KeyExchange {
  negotiated: { readonly serverHostKey: string };
  _hostKey: Uint8Array | undefined;
}

interface WithProtocol {
  readonly _protocol: { _offer: Offer; readonly _kex: KeyExchange };
}

/**
 * Puts certificates among the host key algorithms of a client that has begun to connect; its offer has not left yet. They
 * come first, but for those of other types than the `knownTypes` of the host, which must not keep a known key from view.
 */
export function offerCertificates(client: Client, knownTypes: readonly string[]): void {
  const { _protocol: protocol } = client as unknown as WithProtocol;
  const isKnown = (name: string) => knownTypes.includes(certifiedType(name) ?? name);
  changeOffer(protocol, ({ serverHostKey }) => {
    const all = [...CERTIFICATE_TYPES, ...serverHostKey];
    return { serverHostKey: [...all.filter(isKnown), ...all.filter((name) => !isKnown(name))] };
  });
}

/** Has the signature of the exchange that is under way verified with the key inside `certificate`, trusted or not. */
export function proveWithCertifiedKey(client: Client, { key: { type, blob } }: HostCertificate): void {
  const { _kex: exchange } = (client as unknown as WithProtocol)._protocol;
  const shown = exchange._hostKey;
  let isHashed = false;
  exchange.negotiated = { ...exchange.negotiated, serverHostKey: type };
  // Read once for the hash, then again for the signature.
  Object.defineProperty(exchange, "_hostKey", {
    configurable: true,
    get() {
      if (isHashed) return Buffer.from(blob);
      isHashed = true;
      return shown;
    },
    set(value) {
      Object.defineProperty(exchange, "_hostKey", { value, writable: true, configurable: true });
    },
  });
}
