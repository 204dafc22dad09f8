import { AppError } from "../../base/errors.ts";
import { isSignedBy } from "../keys/verify_signature.ts";
import { type Bytes, concatBytes, WireReader, wireString } from "../keys/wire.ts";

/** A host key that an authority vouches for (OpenSSH, PROTOCOL.certkeys). Nothing of it is checked yet. */
export interface HostCertificate {
  /** The key itself, as it would be shown without the certificate. */
  readonly key: { readonly type: string; readonly blob: Bytes };
  /** The public key of who signed it. */
  readonly authority: Bytes;
  readonly isForHosts: boolean;
  readonly keyId: string;
  /** The names that it holds for; none means any. */
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly hasCriticalOptions: boolean;
  /** What is signed, and the signature. */
  readonly signed: { readonly data: Bytes; readonly signature: Bytes };
}

const SUFFIX = "-cert-v01@openssh.com";
const HOST = 2;
/** How many fields the key itself has, by type: the curve and the point, or the point alone. */
const KEY_FIELDS: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
};

/** The certificates that can be taken. RSA ones are not among them: ssh2 cannot be brought to negotiate those. */
export const CERTIFICATE_TYPES: readonly string[] = Object.keys(KEY_FIELDS).map((type) => `${type}${SUFFIX}`);

/** The algorithm behind that of a certificate, such as `ssh-ed25519`; undefined for what is no certificate. */
export function certifiedType(type: string): string | undefined {
  return type.endsWith(SUFFIX) ? type.slice(0, -SUFFIX.length) : undefined;
}

/** @throws AppError `key_invalid`. */
export function parseHostCertificate(blob: Uint8Array): HostCertificate {
  const reader = new WireReader(blob, "host certificate");
  const type = certifiedType(reader.readText()) ?? "";
  reader.readString(); // The nonce: it only makes what is signed unpredictable.
  const fields = Array.from({ length: KEY_FIELDS[type] ?? 0 }, () => wireString(reader.readString()));
  reader.readUint64(); // The serial number.
  const isForHosts = reader.readUint32() === HOST;
  const keyId = reader.readText();
  const names = new WireReader(reader.readString(), "host certificate");
  const principals: string[] = [];
  while (!names.isAtEnd) principals.push(names.readText());
  const [validAfter, validBefore] = [reader.readUint64(), reader.readUint64()];
  const hasCriticalOptions = reader.readString().length > 0;
  reader.readString(); // Extensions: none is defined for hosts.
  reader.readString(); // Reserved.
  const authority = reader.readString();
  const signature = reader.readString();
  const data = new Uint8Array(blob).slice(0, blob.length - signature.length - 4);
  return {
    key: { type, blob: concatBytes(wireString(type), ...fields) },
    authority,
    isForHosts,
    keyId,
    principals,
    validAfter,
    validBefore,
    hasCriticalOptions,
    signed: { data, signature },
  };
}

/**
 * Whether a certificate of a trusted authority holds for `host` now.
 *
 * @throws AppError `host_key_mismatch` that says why it does not.
 */
export async function assertHoldsFor(
  host: string,
  certificate: HostCertificate,
  now: Date = new Date(),
): Promise<void> {
  const { authority, isForHosts, keyId, principals, validAfter, validBefore, hasCriticalOptions, signed } = certificate;
  const refuse = (why: string) => {
    const what = `The certificate ${JSON.stringify(keyId)} of ${JSON.stringify(host)}`;
    return new AppError("host_key_mismatch", `${what} cannot be trusted: ${why}`, { details: { keyId, principals } });
  };
  const seconds = BigInt(Math.floor(now.getTime() / 1000));
  if (!await isSignedBy(authority, signed)) throw refuse("its signature is wrong");
  if (!isForHosts) throw refuse("it is one for users, not for hosts");
  if (hasCriticalOptions) throw refuse("it has critical options, and none is known for hosts");
  if (seconds < validAfter) throw refuse(`it is not valid before ${formatTime(validAfter)}`);
  if (seconds >= validBefore) throw refuse(`it expired at ${formatTime(validBefore)}`);
  if (principals.length === 0 || principals.includes(host.toLowerCase())) {
    return;
  }
  throw refuse(`it is for ${principals.map((name) => JSON.stringify(name)).join(", ")}`);
}

function formatTime(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString();
}
