import {
  bitString,
  boolean,
  der,
  integer,
  objectId,
  octetString,
  sequence,
  set,
  tagged,
  utcTime,
  utf8String,
} from "./der.ts";
import type { CertificateFlaw } from "./faults.ts";

const DAY_MS = 86_400_000;
/** RFC 5758 3.2: ecdsa-with-SHA256. */
const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));
const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;
const HALF_SIGNATURE_BYTES = 32;

/** A certificate and its private key, as PEM texts. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** An authority of one server's own, and what it signed. */
export interface TestAuthority {
  /** PEM: whoever trusts it trusts {@link good}. */
  readonly certificate: string;
  readonly good: TlsIdentity;
  /** An identity with a flaw. */
  flawed(flaw: CertificateFlaw): Promise<TlsIdentity>;
}

/** Makes an authority, and a certificate of it for localhost, 127.0.0.1 and ::1. */
export async function makeAuthority(): Promise<TestAuthority> {
  const authority = await makeIssuer("porthole test authority");
  const here = { names: ["localhost"], addresses: [LOOPBACK4, LOOPBACK6] };
  const flawed = async (flaw: CertificateFlaw): Promise<TlsIdentity> => {
    if (flaw === "expired") return await issue(authority, { ...here, fromDay: -3, toDay: -1 });
    if (flaw === "wrong-host") return await issue(authority, { names: ["elsewhere.invalid"], addresses: [] });
    return await issue(await makeIssuer("porthole unknown authority"), here);
  };
  return { certificate: authority.certificate, good: await issue(authority, here), flawed };
}

const LOOPBACK4 = new Uint8Array([127, 0, 0, 1]);
const LOOPBACK6 = new Uint8Array(16).fill(1, 15);

interface Issuer {
  readonly name: Uint8Array;
  readonly keys: CryptoKeyPair;
  readonly certificate: string;
}

async function makeIssuer(commonName: string): Promise<Issuer> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const name = distinguishedName(commonName);
  const certificate = await sign(keys.privateKey, {
    issuer: name,
    subject: name,
    publicKey: keys.publicKey,
    fromDay: -3,
    toDay: 30,
    extensions: [
      extension("2.5.29.19", sequence(boolean(true)), true),
      extension("2.5.29.15", der(0x03, new Uint8Array([1, 0x06])), true),
    ],
  });
  return { name, keys, certificate };
}

interface IssueOptions {
  readonly names: readonly string[];
  readonly addresses: readonly Uint8Array[];
  readonly fromDay?: number;
  readonly toDay?: number;
}

async function issue(
  { name, keys: { privateKey } }: Issuer,
  { names, addresses, fromDay = -1, toDay = 30 }: IssueOptions,
): Promise<TlsIdentity> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const altNames = [
    ...names.map((each) => der(0x82, new TextEncoder().encode(each))),
    ...addresses.map((each) => der(0x87, each)),
  ];
  const cert = await sign(privateKey, {
    issuer: name,
    subject: distinguishedName(names[0] ?? "porthole test"),
    publicKey: keys.publicKey,
    fromDay,
    toDay,
    extensions: [extension("2.5.29.17", sequence(...altNames), false)],
  });
  return { cert, key: pem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey))) };
}

interface ToBeSigned {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly publicKey: CryptoKey;
  /** Days from now. */
  readonly fromDay: number;
  readonly toDay: number;
  readonly extensions: readonly Uint8Array[];
}

/** A certificate of version 3 (RFC 5280 4.1) as PEM. */
async function sign(
  key: CryptoKey,
  { issuer, subject, publicKey, fromDay, toDay, extensions }: ToBeSigned,
): Promise<string> {
  const serial = crypto.getRandomValues(new Uint8Array(16));
  const day = (count: number) => utcTime(new Date(Date.now() + count * DAY_MS));
  const body = sequence(
    tagged(0, integer(new Uint8Array([2]))),
    integer(serial),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(day(fromDay), day(toDay)),
    subject,
    new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    tagged(3, sequence(...extensions)),
  );
  const signature = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, body));
  const halves = sequence(
    integer(signature.subarray(0, HALF_SIGNATURE_BYTES)),
    integer(signature.subarray(HALF_SIGNATURE_BYTES)),
  );
  return pem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256, bitString(halves)));
}

function distinguishedName(commonName: string): Uint8Array {
  return sequence(set(sequence(objectId("2.5.4.3"), utf8String(commonName))));
}

function extension(id: string, value: Uint8Array, isCritical: boolean): Uint8Array {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** RFC 7468. */
function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
