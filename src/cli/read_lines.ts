/** Where lines come from: `Deno.stdin` is one. */
export interface LineSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** A line longer than this is taken in pieces: it is none of a person's or a program's that means well. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;

/** Calls `onLine` for each line, empty ones left out, and resolves at the end of `source`. */
export async function readLines(source: LineSource, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let rest = "";
  const tell = (line: string) => line.trim() === "" ? undefined : onLine(line);
  for (let count = await source.read(buffer); count !== null; count = await source.read(buffer)) {
    rest += decoder.decode(buffer.subarray(0, count), { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) {
      lines.push(rest);
      rest = "";
    }
    for (const line of lines) tell(line);
  }
  tell(rest);
}
