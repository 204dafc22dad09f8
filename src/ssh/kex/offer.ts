/**
 * What a connection offers in its KEXINIT, as ssh2 1.17 keeps it. ssh2 lets nobody offer what it does not know itself; its
 * own class for the lists does.
 */

type NameList = { readonly array: readonly string[] };
type Direction = Readonly<Record<"cipher" | "mac" | "compress" | "lang", NameList>>;

/** ssh2's `KexInit`. */
export interface Offer {
  readonly lists: {
    readonly kex: NameList;
    readonly serverHostKey: NameList;
    readonly cs: Direction;
    readonly sc: Direction;
  };
}

/** The lists that can be changed. */
export interface OfferedNames {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
}

/** Offers something else over the connection of `protocol`, whose KEXINIT has not left yet. */
export function changeOffer(protocol: { _offer: Offer }, change: (names: OfferedNames) => Partial<OfferedNames>): void {
  const { lists } = protocol._offer;
  const KexInit = protocol._offer.constructor as new (lists: unknown) => Offer;
  const names = { kex: lists.kex.array, serverHostKey: lists.serverHostKey.array };
  protocol._offer = new KexInit({ ...names, ...change(names), cs: namesOf(lists.cs), sc: namesOf(lists.sc) });
}

function namesOf({ cipher, mac, compress, lang }: Direction) {
  return { cipher: cipher.array, mac: mac.array, compress: compress.array, lang: lang.array };
}
