/**
 * mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex; OpenSSH's default from 9.9 on): a secret that stays one as long as
 * either ML-KEM or X25519 holds. Both are the runtime's own.
 */

/** How the exchange is called in KEXINIT. */
export const MLKEM768_X25519 = "mlkem768x25519-sha256";

const ML_KEM = { name: "ML-KEM-768" };
const X25519 = { name: "X25519" };
const ML_KEM_PUBLIC_BYTES = 1184;
const ML_KEM_CIPHERTEXT_BYTES = 1088;
const X25519_PUBLIC_BYTES = 32;

/** ML-KEM as WebCrypto has it (WICG, Modern Algorithms); TypeScript's library does not know it yet. */
interface Kem {
  generateKey(algorithm: object, isExtractable: boolean, usages: readonly string[]): Promise<CryptoKeyPair>;
  importKey(
    format: string,
    key: Uint8Array,
    algorithm: object,
    isExtractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey>;
  exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer>;
  encapsulateBits(algorithm: object, key: CryptoKey): Promise<{ sharedKey: ArrayBuffer; ciphertext: ArrayBuffer }>;
  decapsulateBits(algorithm: object, key: CryptoKey, ciphertext: Uint8Array): Promise<ArrayBuffer>;
}

const kem = crypto.subtle as unknown as Kem;

/** Whether this runtime has it. */
export function hasMlkem768X25519(): boolean {
  return "encapsulateBits" in crypto.subtle;
}

/** One exchange with oneself: the first of a process takes 25 ms more than the next (measured), better before anybody waits. */
export async function rehearseExchange(): Promise<void> {
  if (!hasMlkem768X25519()) return;
  const { init, finish } = await beginExchange();
  await finish((await answerExchange(init)).reply);
}

/** What a server answers to a client, and what both know then. */
export interface ExchangeAnswer {
  /** S_REPLY: the ciphertext, then the server's X25519 key. */
  readonly reply: Uint8Array;
  /** K, 32 bytes; hashed as a string, not as an mpint. */
  readonly secret: Uint8Array;
}

/** The server's part. @throws Error when `init` (C_INIT) is not what a client sends */
export async function answerExchange(init: Uint8Array): Promise<ExchangeAnswer> {
  const [kemKey, theirs] = cut(init, ML_KEM_PUBLIC_BYTES);
  const [{ sharedKey, ciphertext }, own] = await Promise.all([
    kem.importKey("raw-public", kemKey, ML_KEM, false, ["encapsulateBits"])
      .then((key) => kem.encapsulateBits(ML_KEM, key)),
    makeX25519(),
  ]);
  const secret = await combine(new Uint8Array(sharedKey), await own.agree(theirs));
  return { reply: join(new Uint8Array(ciphertext), own.publicKey), secret };
}

/** A client's part that has begun. */
export interface BegunExchange {
  /** C_INIT: the ML-KEM key, then the client's X25519 key. */
  readonly init: Uint8Array;
  /** K, given S_REPLY. @throws Error when it is not what a server sends */
  finish(reply: Uint8Array): Promise<Uint8Array>;
}

/** The client's part, with keys for this one exchange. */
export async function beginExchange(): Promise<BegunExchange> {
  const [{ publicKey, privateKey }, own] = await Promise.all([
    kem.generateKey(ML_KEM, false, ["encapsulateBits", "decapsulateBits"]),
    makeX25519(),
  ]);
  return {
    init: join(new Uint8Array(await kem.exportKey("raw-public", publicKey)), own.publicKey),
    async finish(reply) {
      const [ciphertext, theirs] = cut(reply, ML_KEM_CIPHERTEXT_BYTES);
      const [sharedKey, agreed] = await Promise.all([
        kem.decapsulateBits(ML_KEM, privateKey, ciphertext),
        own.agree(theirs),
      ]);
      return await combine(new Uint8Array(sharedKey), agreed);
    },
  };
}

interface X25519Party {
  readonly publicKey: Uint8Array;
  /** @throws DOMException when the secret would be all zeros (RFC 8731 3) */
  agree(theirs: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

async function makeX25519(): Promise<X25519Party> {
  const pair = await crypto.subtle.generateKey(X25519, false, ["deriveBits"]) as CryptoKeyPair;
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
    async agree(theirs) {
      const key = await crypto.subtle.importKey("raw", theirs, X25519, false, []);
      return new Uint8Array(await crypto.subtle.deriveBits({ ...X25519, public: key }, pair.privateKey, 256));
    },
  };
}

/** HASH(K_PQ || K_CL). */
async function combine(postQuantum: Uint8Array, classical: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(postQuantum, classical)));
}

/** Both halves, copied: what is given may be overwritten before they are used. */
function cut(both: Uint8Array, kemBytes: number): [kem: Uint8Array, x25519: Uint8Array<ArrayBuffer>] {
  if (both.length !== kemBytes + X25519_PUBLIC_BYTES) {
    throw new RangeError(`${MLKEM768_X25519} needs ${kemBytes + X25519_PUBLIC_BYTES} bytes, found ${both.length}`);
  }
  return [both.slice(0, kemBytes), new Uint8Array(both.subarray(kemBytes))];
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
