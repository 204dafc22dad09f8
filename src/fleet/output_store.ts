import { join } from "node:path";
import type { ByteReader } from "../ssh/client/channel_stream.ts";

/** Which of a command's two outputs. */
export type OutputName = "stdout" | "stderr";

/** Where the outputs of one call go. */
export interface OutputStoreOptions {
  /** Kept in memory of each output of each host. */
  readonly maxOutputBytes: number;
  /** Kept in memory of all outputs of the call together. */
  readonly maxTotalBytes: number;
  /** Makes the folder for what does not fit, when the first output needs it; without, what does not fit is dropped. */
  readonly spoolFolder?: (() => Promise<string>) | undefined;
}

/** One output as it came to be. */
export interface CollectedOutput {
  /** The beginning of it, or all. */
  readonly text: string;
  /** The file that holds all of it, if `text` does not. */
  readonly file?: string;
  /** True when `text` is not all and there is no file either. */
  readonly isTruncated: boolean;
}

/** Takes in outputs so that memory stays bounded however many hosts there are and however much they say. */
export interface OutputStore {
  /** Reads `reader` to its end. `onBytes` sees every piece first, and is waited for: that slows the far end down. */
  collect(
    reader: ByteReader,
    options: { fileName: string; onBytes?: ((bytes: Uint8Array) => void | Promise<void>) | undefined },
  ): Promise<CollectedOutput>;
}

/** A store for one call on many hosts. */
export function createOutputStore({ maxOutputBytes, maxTotalBytes, spoolFolder }: OutputStoreOptions): OutputStore {
  let freeBytes = maxTotalBytes;
  return {
    async collect(reader, { fileName, onBytes }) {
      const kept: Uint8Array[] = [];
      let keptBytes = 0;
      let spool: Deno.FsFile | undefined;
      let path: string | undefined;
      let isTruncated = false;
      try {
        for (let bytes; (bytes = await reader.read()) !== null;) {
          await onBytes?.(bytes);
          const room = Math.max(0, Math.min(maxOutputBytes - keptBytes, freeBytes));
          if (!spoolFolder) isTruncated ||= bytes.length > room;
          else if (!spool && bytes.length > room) {
            path = join(await spoolFolder(), fileName);
            spool = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
            for (const piece of kept) await writeAll(spool, piece);
          }
          if (spool) await writeAll(spool, bytes);
          const share = bytes.subarray(0, room);
          if (share.length > 0) {
            kept.push(share.length < bytes.length ? share.slice() : share);
            keptBytes += share.length;
            freeBytes -= share.length;
          }
        }
      } finally {
        spool?.close();
      }
      return { text: decode(kept), isTruncated, ...(path === undefined ? {} : { file: path }) };
    },
  };
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

function decode(pieces: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
}

/** `host` as part of a file name: letters, digits, `._-@` and, but on Windows, `:[]`; anything else becomes `%XX`. */
export function hostFileName(host: string, os: typeof Deno.build.os = Deno.build.os): string {
  const plain = os === "windows" ? /[A-Za-z0-9._@-]/ : /[A-Za-z0-9._@:[\]-]/;
  const name = [...new TextEncoder().encode(host)].map((byte) => {
    const char = String.fromCharCode(byte);
    return plain.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
  return /^\.+$/.test(name) ? name.replaceAll(".", "%2E") : name;
}
