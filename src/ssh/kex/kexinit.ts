/** SSH_MSG_KEXINIT, RFC 4253 7.1. */
export const KEXINIT = 20;
/** Behind the message number: a cookie of 16 bytes. */
const LISTS_AT = 17;
const LIST_COUNT = 10;

/** What of a KEXINIT decides about the exchange itself. */
export interface KexInitMessage {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
  /** True when a guessed packet follows. */
  readonly isGuessing: boolean;
}

/** Reads `payload`; a list that is cut off is empty, since whoever judges the whole message is to say so. */
export function readKexInit(payload: Uint8Array): KexInitMessage {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const lists: string[][] = [];
  let at = LISTS_AT;
  for (let list = 0; list < LIST_COUNT && at + 4 <= payload.length; list++) {
    const length = view.getUint32(at);
    if (at + 4 + length > payload.length) break;
    lists.push(new TextDecoder().decode(payload.subarray(at + 4, at + 4 + length)).split(","));
    at += 4 + length;
  }
  const [kex = [], serverHostKey = []] = lists;
  return { kex, serverHostKey, isGuessing: payload[at] === 1 };
}

/** A copy of the KEXINIT `payload` with `kex` in the place of its first list. */
export function withKex(payload: Uint8Array, kex: readonly string[]): Uint8Array<ArrayBuffer> {
  const list = new TextEncoder().encode(kex.join(","));
  const former = new DataView(payload.buffer, payload.byteOffset + LISTS_AT, 4).getUint32(0);
  const changed = new Uint8Array(payload.length - former + list.length);
  changed.set(payload.subarray(0, LISTS_AT));
  new DataView(changed.buffer).setUint32(LISTS_AT, list.length);
  changed.set(list, LISTS_AT + 4);
  changed.set(payload.subarray(LISTS_AT + 4 + former), LISTS_AT + 4 + list.length);
  return changed;
}
