/**
 * Host certificates with ssh2 1.17, which knows none: what of its inside this takes is named here.
 *
 * A certificate is one more name in the list of host key algorithms. What the server then shows is hashed as it came
 * (RFC 4253 8, K_S), but the exchange is signed with the key inside, under that key's own name.
 */
import { Buffer } from "node:buffer";
import { CERTIFICATE_TYPES, type HostCertificate } from "../known_hosts/host_certificate.ts";
import type { Client } from "../ssh2_adapter.ts";

type NameList = { readonly array: readonly string[] };
type Direction = Readonly<Record<"cipher" | "mac" | "compress" | "lang", NameList>>;

interface Offer {
  readonly lists: {
    readonly kex: NameList;
    readonly serverHostKey: NameList;
    readonly cs: Direction;
    readonly sc: Direction;
  };
}

interface KeyExchange {
  negotiated: { readonly serverHostKey: string };
  _hostKey: Uint8Array | undefined;
}

interface WithProtocol {
  readonly _protocol: { _offer: Offer; readonly _kex: KeyExchange };
}

/** Puts certificates before the host key algorithms of a client that has begun to connect. Its offer has not left yet. */
export function offerCertificates(client: Client): void {
  const { _protocol: protocol } = client as unknown as WithProtocol;
  const { lists } = protocol._offer;
  const KexInit = protocol._offer.constructor as new (lists: unknown) => Offer;
  const namesOf = ({ cipher, mac, compress, lang }: Direction) => ({
    cipher: cipher.array,
    mac: mac.array,
    compress: compress.array,
    lang: lang.array,
  });
  protocol._offer = new KexInit({
    kex: lists.kex.array,
    serverHostKey: [...CERTIFICATE_TYPES, ...lists.serverHostKey.array],
    cs: namesOf(lists.cs),
    sc: namesOf(lists.sc),
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
