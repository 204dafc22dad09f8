import { createMemoryPair } from "../../src/stream/memory.ts";
import type { ByteStream } from "../../src/stream/byte_stream.ts";
import type { DialledCarrier } from "../../src/stream/resume/carrier.ts";
import { RESUME_NEW } from "../../src/stream/resume/protocol.ts";
import type { ResumeSessions } from "../../src/stream/resume/server.ts";

/** A connection between two ends of a session inside the process, which a test can cut. */
export class MemoryCarrier implements DialledCarrier {
  readonly #stream: ByteStream;
  readonly #onSend: (bytes: Uint8Array) => Uint8Array | null;
  readonly #stopped = Promise.withResolvers<void>();
  #isCut = false;
  readonly protocol: string;
  isClosed = false;
  /** All that was written, with its frames. */
  bytesSent = 0;

  constructor(
    stream: ByteStream,
    protocol: string,
    onSend: (bytes: Uint8Array) => Uint8Array | null = (bytes) => bytes,
  ) {
    this.#stream = stream;
    this.protocol = protocol;
    this.#onSend = onSend;
  }

  read(): Promise<Uint8Array | null> {
    return this.#stream.read();
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isCut) throw new Error("cut");
    this.bytesSent += bytes.length;
    const passed = this.#onSend(bytes);
    if (passed === null) {
      this.cut();
      throw new Error("cut");
    }
    await this.#stream.write(passed);
    if (passed.length < bytes.length) this.cut();
  }

  closeWrite(): Promise<void> {
    return this.#stream.closeWrite();
  }

  keepLast(): void {}

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Both ends find it ended. */
  cut(): void {
    this.#isCut = true;
    this.#stopped.resolve();
    this.#stream[Symbol.dispose]();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#stream.closeWrite();
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
    this.cut();
  }
}

/** Where a connection is to break: behind so many bytes of what the client sends (`up`) or the agent (`down`). */
export interface CutPlan {
  readonly up?: number;
  readonly down?: number;
}

/** Two joined carriers, cut as planned. */
export function joinedCarriers(protocol: string, plan: CutPlan = {}): [client: MemoryCarrier, agent: MemoryCarrier] {
  const [a, b] = createMemoryPair();
  const cutAfter = (limit: number | undefined) => {
    let left = limit ?? Infinity;
    return (bytes: Uint8Array) => {
      if (left <= 0) return null;
      const passed = bytes.subarray(0, left);
      left -= bytes.length;
      return passed;
    };
  };
  return [new MemoryCarrier(a, protocol, cutAfter(plan.up)), new MemoryCarrier(b, protocol, cutAfter(plan.down))];
}

/** What a client dials: connection number `index` of an agent that keeps `sessions`. */
export function dialerTo(
  sessions: ResumeSessions,
  { plan = () => ({}), onNew, identity = () => "" }: {
    readonly plan?: (index: number) => CutPlan;
    readonly onNew: (stream: ByteStream) => void;
    readonly identity?: (index: number) => string;
  },
) {
  const carriers: MemoryCarrier[] = [];
  const dial = ({ protocols: [protocol = ""] }: { readonly protocols: readonly string[] }) => {
    const index = carriers.length;
    const [client, agent] = joinedCarriers(protocol, plan(index));
    carriers.push(client);
    if (protocol === RESUME_NEW) onNew(sessions.open(agent, { identity: identity(index) }));
    else sessions.resume(agent, { identity: identity(index) });
    return Promise.resolve(client);
  };
  return { dial, carriers };
}
