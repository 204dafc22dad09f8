/** A line without an end must not gather for ever: past this it is given in pieces. */
const MAX_LINE_LENGTH = 65_536;

/** Bytes in pieces as lines of text. */
export interface LineSplitter {
  /** The lines that `bytes` complete, without their ends. */
  push(bytes: Uint8Array): string[];
  /** What is left when no more comes, if anything. */
  end(): string[];
}

/** @returns a splitter for one output: UTF-8, invalid bytes replaced, `\n` or `\r\n` between lines. */
export function lineSplitter(): LineSplitter {
  const decoder = new TextDecoder();
  let rest = "";
  return {
    push(bytes) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MAX_LINE_LENGTH) {
        lines.push(rest);
        rest = "";
      }
      return lines.map((line) => line.replace(/\r$/, ""));
    },
    end() {
      const last = rest + decoder.decode();
      rest = "";
      return last === "" ? [] : [last];
    },
  };
}
