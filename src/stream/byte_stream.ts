/**
 * Bytes in both directions, with backpressure both ways and a half-close: what every end of a tunnel looks like.
 *
 * One reader and one writer at a time. `Symbol.dispose` closes at once and may be called twice; pending reads then
 * resolve to null and pending writes reject.
 */
export interface ByteStream extends Disposable {
  /** The next bytes, or null at the end. The array is the caller's only until the next `read`: copy what must stay. */
  read(): Promise<Uint8Array | null>;
  /** Resolves once the far side's buffers took all of `bytes`. The array must not change until then. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that no more will be written; reading goes on. May be called twice. */
  closeWrite(): Promise<void>;
}

/** Makes a new connection to one fixed place. @throws AppError `dial_failed`, `tls_failed`, ... */
export type Dialer = (options: { signal?: AbortSignal | undefined }) => Promise<ByteStream>;
