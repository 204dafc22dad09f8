import { AppError } from "../../base/errors.ts";

/** A range of addresses as firewalls take it: `203.0.113.7/32`, `2001:db8::1/128`. */
export interface Cidr {
  readonly text: string;
  readonly family: "IPv4" | "IPv6";
}

/**
 * `text` as a range; a bare address is that address alone.
 *
 * @throws AppError `usage` for anything else.
 */
export function parseCidr(text: string, source: string): Cidr {
  const [address = "", bits, ...more] = text.split("/");
  const family = ipFamily(address);
  const maxBits = family === "IPv4" ? 32 : 128;
  const length = bits === undefined ? maxBits : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (family && more.length === 0 && length <= maxBits) return { text: `${address}/${length}`, family };
  throw new AppError("usage", `Cannot read ${source} as a range of addresses: got ${JSON.stringify(text)}`, {
    hint: `Such as ${source} 203.0.113.7/32 or ${source} 203.0.113.0/24`,
  });
}

/** True for a range that is the whole internet. */
export function isAnywhere({ text }: Cidr): boolean {
  return text.endsWith("/0");
}

/** Which kind of IP address `text` is; undefined for a name. */
export function ipFamily(text: string): "IPv4" | "IPv6" | undefined {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text)) return "IPv4";
  if (!text.includes(":") || !/^[0-9A-Fa-f:.]+$/.test(text)) return undefined;
  try {
    new URL(`http://[${text}]/`);
    return "IPv6";
  } catch {
    return undefined; // Only colons and digits, but no address.
  }
}

/** Addresses that mean something only inside a network: RFC 1918, 6598, 3927, 4193, 4291. */
export function isPrivateAddress(address: string): boolean {
  if (ipFamily(address) === "IPv6") return /^(?:f[cd]|fe[89ab]|::1$|::$)/i.test(address);
  return /^(?:10|127|0)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./
    .test(address);
}

/** True when `address` lies in `range`; IPv4 only, since that is what a private network is told apart by. */
export function isInRange(address: string, range: string): boolean {
  const [base = "", bits = "32"] = range.split("/");
  if (ipFamily(address) !== "IPv4" || ipFamily(base) !== "IPv4") return false;
  const mask = Number(bits) === 0 ? 0 : (0xffffffff << (32 - Number(bits))) >>> 0;
  return ((toNumber(address) & mask) >>> 0) === ((toNumber(base) & mask) >>> 0);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
