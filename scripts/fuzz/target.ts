import type { Random } from "./random.ts";

/** Something that takes bytes from strangers. */
export interface FuzzTarget {
  readonly name: string;
  /** What it takes without complaint: the beginnings of what it is given. */
  readonly seeds: readonly Uint8Array[];
  /** Words and bytes that mean something to it. */
  readonly tokens?: readonly Uint8Array[];
  /** Takes `input`; an AppError is as good as a result. @throws anything else for a fault. */
  run(input: Uint8Array<ArrayBuffer>, random: Random): void | Promise<void>;
}

/** Texts as seeds or tokens. */
export function texts(...all: readonly string[]): Uint8Array[] {
  return all.map((text) => new TextEncoder().encode(text));
}

/** What a target of texts gets: UTF-8, or what is left of it. */
export function asText(input: Uint8Array): string {
  return new TextDecoder().decode(input);
}

/** @throws Error that says `what` when `isTrue` does not hold */
export function mustHold(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}
