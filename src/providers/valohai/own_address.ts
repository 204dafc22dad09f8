import { type Cidr, ipFamily, isInRange, isPrivateAddress } from "./cidr.ts";

/**
 * Stands where an address is missing. No cloud takes it, so that a command with it cannot be run by accident, and the
 * angle brackets make a shell stop as well.
 */
export const ADDRESS_PLACEHOLDER = "<YOUR-PUBLIC-ADDRESS>/32";

/** One address of this machine. */
export interface LocalAddress {
  readonly family: "IPv4" | "IPv6";
  readonly address: string;
  /** With the length of its network: `192.168.1.20/24`. */
  readonly cidr: string | null;
}

/**
 * The address that `target` sees this machine under, as far as this machine can know it without asking anybody; undefined
 * behind a NAT, where only somebody outside could tell.
 *
 * A public address is seen as it is; a private one only from its own network; loopback from itself. `target` undefined
 * stands for some machine on the internet.
 */
export function ownAddress(target: string | undefined, addresses: readonly LocalAddress[]): Cidr | undefined {
  const wanted = target === undefined ? undefined : ipFamily(target);
  const only = (address: string, family: "IPv4" | "IPv6"): Cidr => ({
    text: `${address}/${family === "IPv4" ? 32 : 128}`,
    family,
  });
  if (target === "localhost" || (target !== undefined && /^127\./.test(target))) return only("127.0.0.1", "IPv4");
  if (target === "::1") return only("::1", "IPv6");
  if (target !== undefined && wanted && isPrivateAddress(target)) {
    const near = addresses.find(({ cidr }) => cidr !== null && isInRange(target, cidr));
    return near && only(near.address, near.family);
  }
  const open = addresses.filter(({ address, family }) =>
    !isPrivateAddress(address) && (wanted === undefined ? family === "IPv4" : family === wanted)
  );
  const [first] = open;
  // Two public addresses: which one a connection leaves from is the router's choice.
  return first && open.length === 1 ? only(first.address, first.family) : undefined;
}
