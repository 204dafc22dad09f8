import type { EventEmitter } from "node:events";

interface CipherHolder {
  readonly _cipherInstance?: Finishable;
  readonly _decipherInstance?: Finishable;
}

interface Finishable {
  final(): unknown;
}

interface WithProtocol {
  readonly _protocol: { readonly _cipher?: CipherHolder; readonly _decipher?: CipherHolder } | undefined;
}

/**
 * Lets go of the AES-CTR ciphers of a connection (server's or client's) when they were replaced and when it is closed.
 *
 * Deno 2.9 frees a cipher of `node:crypto` in `final()` alone, which ssh2 never calls: two are lost per connection and rekey.
 */
export function releaseCiphers(connection: EventEmitter): void {
  const { _protocol: initial } = connection as EventEmitter & WithProtocol;
  let held = new Set<CipherHolder>();
  const current = () => {
    const protocol = (connection as EventEmitter & WithProtocol)._protocol ?? initial;
    return new Set([protocol?._cipher, protocol?._decipher].filter((holder) => holder !== undefined));
  };
  const replace = (next: Set<CipherHolder>) => {
    for (const holder of held) if (!next.has(holder)) finish(holder);
    held = next;
  };
  connection.on("handshake", () => replace(current()));
  connection.once("close", () => {
    for (const holder of current()) held.add(holder);
    replace(new Set());
  });
}

function finish({ _cipherInstance, _decipherInstance }: CipherHolder): void {
  for (const cipher of [_cipherInstance, _decipherInstance]) {
    try {
      cipher?.final();
    } catch {
      // Finished before: nothing is left to let go of.
    }
  }
}
