import { type Bytes, concatBytes, WireReader } from "./wire.ts";

interface Verifier {
  readonly key: CryptoKey;
  readonly algorithm: AlgorithmIdentifier | EcdsaParams;
  /** As WebCrypto wants it. */
  readonly signature: Bytes;
}

const CURVES: Readonly<Record<string, { readonly name: string; readonly hash: string; readonly bytes: number }>> = {
  nistp256: { name: "P-256", hash: "SHA-256", bytes: 32 },
  nistp384: { name: "P-384", hash: "SHA-384", bytes: 48 },
  nistp521: { name: "P-521", hash: "SHA-512", bytes: 66 },
};

/** SHA-1 (`ssh-rsa`) is left out on purpose. */
const RSA_HASHES: Readonly<Record<string, string>> = { "rsa-sha2-256": "SHA-256", "rsa-sha2-512": "SHA-512" };

/**
 * Whether `signature`, as SSH writes it (RFC 4253 6.6, RFC 5656 3.1.2, RFC 8332, RFC 8709), is that of the key `publicBlob`
 * under `data`. False for types that are not known, and for what cannot be read.
 */
export async function isSignedBy(
  publicBlob: Uint8Array,
  { data, signature }: { readonly data: Bytes; readonly signature: Uint8Array },
): Promise<boolean> {
  try {
    const verifier = await openVerifier(publicBlob, signature);
    return verifier !== undefined &&
      await crypto.subtle.verify(verifier.algorithm, verifier.key, verifier.signature, data);
  } catch {
    return false; // A key or a signature that is damaged has signed nothing.
  }
}

async function openVerifier(publicBlob: Uint8Array, signature: Uint8Array): Promise<Verifier | undefined> {
  const key = new WireReader(publicBlob, "public key");
  const signed = new WireReader(signature, "signature");
  const type = key.readText();
  const signatureType = signed.readText();
  const value = signed.readString();
  if (type === "ssh-ed25519" && signatureType === type) {
    const imported = await crypto.subtle.importKey("raw", key.readString(), "Ed25519", false, ["verify"]);
    return { key: imported, algorithm: "Ed25519", signature: value };
  }
  if (type === "ssh-rsa" && RSA_HASHES[signatureType]) {
    const [e, n] = [key.readMpint(), key.readMpint()].map((number) => number.toBase64({ alphabet: "base64url" }));
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: RSA_HASHES[signatureType] ?? "" };
    const imported = await crypto.subtle.importKey("jwk", { kty: "RSA", e, n } as JsonWebKey, algorithm, false, [
      "verify",
    ]);
    return { key: imported, algorithm: algorithm.name, signature: value };
  }
  const curve = CURVES[key.readText()];
  if (!curve || !type.startsWith("ecdsa-sha2-") || signatureType !== type) return undefined;
  const algorithm = { name: "ECDSA", namedCurve: curve.name };
  const imported = await crypto.subtle.importKey("raw", key.readString(), algorithm, false, ["verify"]);
  const numbers = new WireReader(value, "signature");
  const pair = [numbers.readMpint(), numbers.readMpint()].map((number) => padded(number, curve.bytes));
  return { key: imported, algorithm: { name: "ECDSA", hash: curve.hash }, signature: concatBytes(...pair) };
}

function padded(number: Uint8Array, length: number): Bytes {
  return concatBytes(new Uint8Array(Math.max(0, length - number.length)), number);
}
