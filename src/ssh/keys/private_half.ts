import { AppError } from "../../base/errors.ts";
import { blobType, isSameBytes } from "./public_key.ts";
import { type Bytes, WireReader } from "./wire.ts";

const CURVES: Readonly<Record<string, { readonly crv: string; readonly bytes: number; readonly hash: string }>> = {
  "ecdsa-sha2-nistp256": { crv: "P-256", bytes: 32, hash: "SHA-256" },
  "ecdsa-sha2-nistp384": { crv: "P-384", bytes: 48, hash: "SHA-384" },
};

/**
 * Reads the private fields that `reader` stands at and proves that they are the other half of `publicBlob`.
 *
 * Resolves with false, nothing read but the type, for a kind of key whose private fields are not known here.
 * @throws AppError `key_invalid` when the halves do not belong together.
 */
export async function checkPrivateHalf(reader: WireReader, publicBlob: Bytes): Promise<boolean> {
  const type = reader.readText();
  if (type !== blobType(publicBlob, reader.what)) throw damaged(reader, "its two halves are of different types");
  const publicHalf = new WireReader(publicBlob, reader.what);
  publicHalf.readString();
  if (type === "ssh-ed25519") return await checkEd25519(reader, publicHalf.readString());
  if (type === "ssh-rsa") return checkRsa(reader, { e: publicHalf.readMpint(), n: publicHalf.readMpint() });
  if (type in CURVES) return await checkEcdsa(reader, { type, publicHalf });
  return false;
}

async function checkEd25519(reader: WireReader, publicKey: Bytes): Promise<true> {
  const inner = reader.readString();
  const secret = reader.readString();
  if (!isSameBytes(inner, publicKey) || secret.length !== 64 || !isSameBytes(secret.subarray(32), publicKey)) {
    throw damaged(reader, "its private half names another public key");
  }
  const jwk = { kty: "OKP", crv: "Ed25519", x: base64Url(publicKey) };
  await proveBySigning(reader, { jwk, d: secret.slice(0, 32), imported: "Ed25519", signed: "Ed25519" });
  return true;
}

async function checkEcdsa(
  reader: WireReader,
  { type, publicHalf }: { type: string; publicHalf: WireReader },
): Promise<true> {
  const { crv = "", bytes = 0, hash = "" } = CURVES[type] ?? {};
  const curves = [publicHalf.readText(), reader.readText()];
  const point = publicHalf.readString();
  const inner = reader.readString();
  const scalar = reader.readMpint();
  if (curves.some((curve) => !type.endsWith(`-${curve}`))) throw damaged(reader, "its curve is not its type's");
  if (!isSameBytes(inner, point) || point.length !== 1 + 2 * bytes || scalar.length > bytes) {
    throw damaged(reader, "its private half names another public key");
  }
  const d = new Uint8Array(bytes);
  d.set(scalar, bytes - scalar.length);
  const jwk = { kty: "EC", crv, x: base64Url(point.slice(1, 1 + bytes)), y: base64Url(point.slice(1 + bytes)) };
  await proveBySigning(reader, {
    jwk,
    d,
    imported: { name: "ECDSA", namedCurve: crv },
    signed: { name: "ECDSA", hash },
  });
  return true;
}

/** What the private half signs, the public half must verify: that finds a flipped bit in either. */
async function proveBySigning(
  reader: WireReader,
  { jwk, d, imported, signed }: {
    jwk: JsonWebKey;
    d: Bytes;
    imported: string | EcKeyImportParams;
    signed: string | EcdsaParams;
  },
): Promise<void> {
  const data = crypto.getRandomValues(new Uint8Array(32));
  let isProven: boolean;
  try {
    const privateKey = await crypto.subtle.importKey("jwk", { ...jwk, d: base64Url(d) }, imported, false, ["sign"]);
    const publicKey = await crypto.subtle.importKey("jwk", jwk, imported, false, ["verify"]);
    isProven = await crypto.subtle.verify(signed, publicKey, await crypto.subtle.sign(signed, privateKey, data), data);
  } catch (error) {
    throw damaged(reader, "its numbers are no key", error);
  }
  if (!isProven) throw damaged(reader, "its private half does not fit its public half");
}

function checkRsa(reader: WireReader, { e, n }: { e: Bytes; n: Bytes }): true {
  const [innerN, innerE, d, inverse, p, q] = [1, 2, 3, 4, 5, 6].map(() => toBigInt(reader.readMpint()));
  const isOne = (value: bigint, modulus: bigint) => modulus > 1n && value % modulus === 1n;
  if (innerN === undefined || innerE === undefined || d === undefined) throw damaged(reader, "numbers are missing");
  if (inverse === undefined || p === undefined || q === undefined) throw damaged(reader, "numbers are missing");
  const fits = innerN === toBigInt(n) && innerE === toBigInt(e) && p * q === innerN &&
    isOne(innerE * d, p - 1n) && isOne(innerE * d, q - 1n) && isOne(inverse * q, p);
  if (!fits) throw damaged(reader, "its private half does not fit its public half");
  return true;
}

function toBigInt(magnitude: Bytes): bigint {
  return BigInt(`0x0${magnitude.toHex()}`);
}

function base64Url(bytes: Bytes): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function damaged(reader: WireReader, reason: string, cause?: unknown): AppError {
  return new AppError("key_invalid", `The ${reader.what} is damaged: ${reason}`, { cause });
}
