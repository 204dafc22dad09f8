import type { AppError } from "../../base/errors.ts";
import type { ByteStream } from "../byte_stream.ts";

/** One connection that carries a session for a while: an open WebSocket with the subprotocol agreed on. */
export interface Carrier extends ByteStream {
  /** Makes what the last `read` gave last beyond the next one. */
  keepLast(): void;
  /** Settles when nothing more arrives, though what has arrived may not all have been read; never rejects. */
  readonly stopped: Promise<void>;
  /** Sends what was written, then closes; takes a moment at most. */
  close(): Promise<void>;
}

/** A carrier, and which of the subprotocols offered it chose; `""` for none. */
export interface DialledCarrier extends Carrier {
  readonly protocol: string;
}

/** Makes a connection that offers `protocols`; anything without a `protocol` is no WebSocket. */
export type ResumeDialer = (
  options: { readonly protocols: readonly string[]; readonly signal?: AbortSignal | undefined },
) => Promise<ByteStream | DialledCarrier>;

/** True for a WebSocket, which alone can carry a session. */
export function isCarrier(stream: ByteStream): stream is DialledCarrier {
  return "protocol" in stream && "keepLast" in stream;
}

/** How the time on one connection ended. */
export type CarrierEnd =
  /** It broke or ended without a word: the session waits for another. */
  | { readonly kind: "lost"; readonly error: AppError | undefined }
  /** Another one has taken over. */
  | { readonly kind: "replaced" }
  /** The session itself is over. */
  | { readonly kind: "over" };

/** A carrier at work. */
export interface Attached {
  /** Resolves when its time is over; never rejects. */
  readonly ended: Promise<CarrierEnd>;
}

/** Sends one last frame, if any, and closes: two seconds at most. Never rejects. */
export async function sayLastly(carrier: Carrier, frame: Uint8Array | undefined): Promise<void> {
  const said = frame ? carrier.write(frame) : undefined;
  said?.catch(() => {/* it is gone already: nobody is left to be told */});
  try {
    await carrier.close();
  } catch {
    // Gone already.
  }
}
