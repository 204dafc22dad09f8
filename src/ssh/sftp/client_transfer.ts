import { orAbort } from "../../base/abort.ts";
import { TransferWindow } from "./transfer_window.ts";

/** Where uploaded bytes come from: a `Deno.FsFile` is one. */
export interface ByteSource {
  /** Fills `into` as far as it can; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/** Where downloaded bytes go: a `Deno.FsFile` is one. */
export interface ByteSink {
  /** Takes some or all of `bytes`; resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Options of every transfer. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where in the remote file to begin: what a resumed transfer has already. */
  readonly startAt?: number;
  /** The size of the remote file if it is known: saves asking for it. */
  readonly size?: number;
  /** Told of each step with how far into the remote file the transfer has come. */
  readonly onProgress?: (doneBytes: number) => void;
  /** Bytes that requests under way may stand for; 16 MiB unless told otherwise. */
  readonly maxInFlightBytes?: number;
}

/** What of a remote file the transfers use. */
export interface TransferFile {
  readonly maxReadBytes: number;
  readonly maxWriteBytes: number;
  read(position: number, length: number): Promise<Uint8Array | null>;
  stat(): Promise<{ readonly size?: number }>;
  prepareWrite(length: number): { readonly packet: Uint8Array; readonly data: Uint8Array };
  sendWrite(packet: Uint8Array, place: { position: number; length: number }): Promise<void>;
}

/** How much is asked for behind the size that was told, where there mostly is nothing: servers set room aside for it. */
const PROBE_BYTES = 32 * 1024;

interface Block {
  readonly length: number;
  readonly bytes: Promise<Uint8Array>;
}

/**
 * The bytes of `file` from `startAt` to its end, in order, whatever order they arrive in.
 *
 * Reads on past the size that the server tells, one request at a time: files of `/proc` have none, others grow.
 */
export async function* readBlocks(
  file: TransferFile,
  { signal, startAt = 0, size, maxInFlightBytes }: TransferOptions,
): AsyncGenerator<Uint8Array, void> {
  signal?.throwIfAborted();
  const window = new TransferWindow({ maxInFlightBytes });
  let blockBytes = file.maxReadBytes;
  let next = startAt;
  const ask = (): Block => {
    const length = next < end ? Math.min(blockBytes, end - next) : Math.min(blockBytes, PROBE_BYTES);
    const bytes = readWhole(file, { position: next, length, onShort: (got) => blockBytes = Math.max(got, 4096) });
    bytes.catch(() => {/* told when its turn comes, or dropped with the rest after another failed */});
    next += length;
    return { length, bytes };
  };
  let end = size ?? Infinity;
  const blocks: Block[] = [ask()];
  if (size === undefined) end = (await orAbort(file.stat(), signal)).size ?? 0;
  for (let head = blocks.shift(); head; head = blocks.shift()) {
    let isProbing = next > end;
    for (; !isProbing && window.hasRoom(blocks.length + 1, blockBytes); isProbing = next > end) blocks.push(ask());
    const bytes = await orAbort(head.bytes, signal);
    window.grow();
    if (bytes.length > 0) yield bytes;
    if (bytes.length < head.length) return;
    if (blocks.length === 0) blocks.push(ask());
  }
}

/** `length` bytes at `position`, asked for again as long as less comes; less only at the end of the file. */
async function readWhole(
  file: TransferFile,
  { position, length, onShort }: { position: number; length: number; onShort: (got: number) => void },
): Promise<Uint8Array> {
  const first = await file.read(position, length) ?? new Uint8Array(0);
  if (first.length >= length || first.length === 0) return first.subarray(0, length);
  const whole = new Uint8Array(length);
  whole.set(first);
  let have = first.length;
  while (have < length) {
    const more = await file.read(position + have, length - have);
    if (!more || more.length === 0) return whole.subarray(0, have);
    // Not the end of the file, then: the server gives no more at once.
    onShort(first.length);
    whole.set(more.subarray(0, length - have), have);
    have += more.length;
  }
  return whole;
}

/** Writes all of `source` into `file` from `startAt` on; resolves with how many bytes once all are acknowledged. */
export async function writeBlocks(
  file: TransferFile,
  source: ByteSource,
  { signal, startAt = 0, onProgress, maxInFlightBytes }: TransferOptions,
): Promise<number> {
  signal?.throwIfAborted();
  const window = new TransferWindow({ maxInFlightBytes });
  const acknowledgements: { readonly end: number; readonly done: Promise<void> }[] = [];
  const settleFirst = async () => {
    const first = acknowledgements.shift();
    if (!first) return;
    await orAbort(first.done, signal);
    window.grow();
    onProgress?.(first.end);
  };
  let position = startAt;
  for (;;) {
    while (!window.hasRoom(acknowledgements.length, file.maxWriteBytes)) await settleFirst();
    const { packet, data } = file.prepareWrite(file.maxWriteBytes);
    const length = await fill(source, data, signal);
    if (length === 0) break;
    const done = file.sendWrite(packet, { position, length });
    done.catch(() => {/* told when its turn comes, or dropped with the rest after another failed */});
    position += length;
    acknowledgements.push({ end: position, done });
  }
  while (acknowledgements.length > 0) await settleFirst();
  return position - startAt;
}

async function fill(source: ByteSource, into: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
  let have = 0;
  while (have < into.length) {
    const got = await orAbort(source.read(into.subarray(have)), signal);
    if (got === null || got === 0) break;
    have += got;
  }
  return have;
}
