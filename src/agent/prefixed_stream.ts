import { ConnStream } from "../stream/tcp.ts";

/** A connection of which some bytes were read already: they come first. */
export class PrefixedStream extends ConnStream {
  #prefix: Uint8Array | undefined;

  constructor(conn: Deno.Conn, prefix: Uint8Array) {
    super(conn);
    this.#prefix = prefix.length > 0 ? prefix : undefined;
  }

  override async read(): Promise<Uint8Array | null> {
    const prefix = this.#prefix;
    this.#prefix = undefined;
    return prefix ?? await super.read();
  }
}
