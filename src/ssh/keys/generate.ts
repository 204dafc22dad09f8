import { formatEnvelope, formatPrivateSection } from "./openssh_key_v1.ts";
import { sealPrivateSection } from "./passphrase.ts";
import { fingerprint, formatPublicKey } from "./public_key.ts";
import { type Bytes, concatBytes, wireMpint, wireString } from "./wire.ts";

/** The kinds of key that {@link generateKey} makes. */
export type KeyKind = "ed25519" | "rsa" | "ecdsa";

/** A fresh key pair. Whoever holds it must not log it whole. */
export interface GeneratedKey {
  /** `ssh-ed25519`, `ssh-rsa` or `ecdsa-sha2-nistp256` (384, 521). */
  readonly type: string;
  /** The text of an `openssh-key-v1` file, newline included. Secret. */
  readonly privateKey: string;
  /** The line of a `.pub` file, without a newline. */
  readonly publicKey: string;
  /** `SHA256:...`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** The public key as it goes over the wire (RFC 4253 6.6). */
  readonly publicBlob: Bytes;
}

/** Options of the functions that make keys. */
export interface GenerateKeyOptions {
  /** Encrypts the private key (bcrypt and aes256-ctr, as `ssh-keygen` does); none by default. */
  readonly passphrase?: string | undefined;
  /** For rsa, 4096 unless given; for ecdsa 256 (default), 384 or 521. */
  readonly bits?: number | undefined;
}

interface KeyParts {
  readonly type: string;
  readonly publicBlob: Bytes;
  /** The private section's fields, type first (PROTOCOL.key, and draft-miller-ssh-agent 3.2 for their order). */
  readonly fields: Bytes;
}

/** The kind of a key of algorithm `type`; undefined for those that are not made here, such as security keys. */
export function kindOfType(type: string): KeyKind | undefined {
  if (type === "ssh-ed25519") return "ed25519";
  if (type === "ssh-rsa") return "rsa";
  return type.startsWith("ecdsa-sha2-") ? "ecdsa" : undefined;
}

/** A fresh key of `kind`. */
export function generateKey(kind: KeyKind, comment = "", options: GenerateKeyOptions = {}): Promise<GeneratedKey> {
  if (kind === "rsa") return generateRsa(comment, options);
  return kind === "ecdsa" ? generateEcdsa(comment, options) : generateEd25519(comment, options);
}

/** A fresh ed25519 key by WebCrypto (RFC 8032, RFC 8709). */
export async function generateEd25519(comment = "", options: GenerateKeyOptions = {}): Promise<GeneratedKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("WebCrypto made one Ed25519 key where two were asked for");
  const { d = "", x = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const seed = fromBase64Url(d);
  const publicKey = fromBase64Url(x);
  const publicBlob = concatBytes(wireString("ssh-ed25519"), wireString(publicKey));
  const fields = concatBytes(publicBlob, wireString(concatBytes(seed, publicKey)));
  return finish({ type: "ssh-ed25519", publicBlob, fields }, comment, options);
}

/** A fresh RSA key by WebCrypto (RFC 4253 6.6), for platforms that take no other. */
export async function generateRsa(
  comment = "",
  { bits = 4096, ...options }: GenerateKeyOptions = {},
): Promise<GeneratedKey> {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: bits,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { n = "", e = "", d = "", p = "", q = "", qi = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const mpints = (...numbers: string[]) => concatBytes(...numbers.map((text) => wireMpint(fromBase64Url(text))));
  const publicBlob = concatBytes(wireString("ssh-rsa"), mpints(e, n));
  return finish(
    { type: "ssh-rsa", publicBlob, fields: concatBytes(wireString("ssh-rsa"), mpints(n, e, d, qi, p, q)) },
    comment,
    options,
  );
}

/** A fresh ECDSA key on nistp256, nistp384 or nistp521 by WebCrypto (RFC 5656). */
export async function generateEcdsa(
  comment = "",
  { bits = 256, ...options }: GenerateKeyOptions = {},
): Promise<GeneratedKey> {
  const algorithm = { name: "ECDSA", namedCurve: `P-${bits}` };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { d = "", x = "", y = "" } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const type = `ecdsa-sha2-nistp${bits}`;
  const point = concatBytes(new Uint8Array([4]), fromBase64Url(x), fromBase64Url(y));
  const publicBlob = concatBytes(wireString(type), wireString(`nistp${bits}`), wireString(point));
  return finish({ type, publicBlob, fields: concatBytes(publicBlob, wireMpint(fromBase64Url(d))) }, comment, options);
}

async function finish(
  { type, publicBlob, fields }: KeyParts,
  comment: string,
  { passphrase }: GenerateKeyOptions,
): Promise<GeneratedKey> {
  const flat = comment.replace(/[\r\n\0]+/g, " ").trim();
  const seal = await sealPrivateSection(
    (blockBytes) => formatPrivateSection({ fields, comment: flat, blockBytes }),
    passphrase,
  );
  return {
    type,
    privateKey: formatEnvelope({ ...seal, publicBlob, tag: new Uint8Array() }),
    publicKey: formatPublicKey({ type, blob: publicBlob, comment: flat }),
    fingerprint: await fingerprint(publicBlob),
    publicBlob,
  };
}

function fromBase64Url(text: string): Bytes {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}
