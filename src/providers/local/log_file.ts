import { sleep } from "../../base/abort.ts";
import { oneLine } from "../../base/printable.ts";

const CHUNK_BYTES = 65_536;
const POLL_MS = 100;

/** Options of {@link followFile}. */
export interface FollowFileOptions {
  readonly signal?: AbortSignal | undefined;
  /** Asked at the end of the file: is more to come? */
  goesOn(): Promise<boolean>;
}

/** The lines of a file that another process writes, without their ends, for as long as `goesOn`. */
export async function* followFile(path: string, { signal, goesOn }: FollowFileOptions): AsyncGenerator<string> {
  using file = await Deno.open(path);
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let rest = "";
  for (;;) {
    // Asked before the read: what was written until the writer ended is behind a read that starts after.
    const isLast = !await goesOn();
    for (let count = await file.read(chunk); count !== null; count = await file.read(chunk)) {
      const lines = (rest + decoder.decode(chunk.subarray(0, count), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (isLast) break;
    await sleep(POLL_MS, signal);
  }
  rest += decoder.decode();
  if (rest) yield rest;
}

/** The last `count` lines of a file, as one line fit for a message; empty when there is nothing to read. */
export async function lastLines(path: string, count: number): Promise<string> {
  let text: string;
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    await file.seek(Math.max(0, size - CHUNK_BYTES), Deno.SeekMode.Start);
    text = await new Response(file.readable).text();
  } catch {
    // The log is a courtesy here: what it would illustrate is told either way.
    return "";
  }
  return text.trimEnd().split("\n").slice(-count).map((line) => oneLine(line)).join(" | ");
}
