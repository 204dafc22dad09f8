import module from "node:module";
import { ChaCha20Poly1305 } from "./chacha20_poly1305.ts";

/** Built by npm's scripts, which Deno does not run: ssh2 looks for it and goes without. */
const ADDON = "./crypto/build/Release/sshcrypto.node";

type Load = (this: unknown, request: string, ...rest: unknown[]) => unknown;

/**
 * Gives ssh2 our chacha20-poly1305 in the place of its native addon, by the addon's own interface.
 *
 * ssh2's own takes three ciphers of `node:crypto` a packet, which Deno 2.9 frees in `final()` alone, and that is never
 * called: 30 MB of native memory were lost per GB. Must be called before "ssh2" is loaded.
 */
export function provideAddon(): void {
  const loader = module as unknown as { _load: Load };
  const load = loader._load;
  loader._load = function (request, ...rest) {
    if (request !== ADDON) return load.call(this, request, ...rest);
    loader._load = load;
    // Where this throws, ssh2 goes without as well.
    return addonOf(new ChaCha20Poly1305());
  };
}

/** Whether what encrypts a connection's packets is what this addon gave. */
export function isOurCipher(instance: unknown): boolean {
  return instance instanceof PacketCipher;
}

class PacketCipher {
  constructor(readonly suite: ChaCha20Poly1305, readonly key: Uint8Array) {}

  encrypt(packet: Uint8Array, sequence: number): void {
    this.suite.seal(packet, { key: this.key, sequence });
  }

  free(): void {}
}

/** What of the addon ssh2 1.17 uses for this cipher; for the others it goes on with `node:crypto`. */
function addonOf(suite: ChaCha20Poly1305) {
  return {
    ChaChaPolyCipher: class extends PacketCipher {
      constructor(key: Uint8Array) {
        super(suite, key);
      }
    },
    ChaChaPolyDecipher: class {
      readonly #length = new Uint8Array(4);

      constructor(readonly key: Uint8Array) {}

      decryptLen(length: Uint8Array, sequence: number): number {
        this.#length.set(length);
        return suite.openLength(length, { key: this.key, sequence });
      }

      decrypt(body: Uint8Array, mac: Uint8Array, sequence: number): void {
        suite.open(body, { length: this.#length, mac, key: this.key, sequence });
      }

      free(): void {}
    },
  };
}
