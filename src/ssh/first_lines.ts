import { Buffer } from "node:buffer";

const LF = 10;
const SSH = Buffer.from("SSH-");
/** Above ssh2's own limit for a line (8192), so that it is ssh2 that refuses. */
const MAX_LINE_BYTES = 8192 + 2;

/**
 * Hands the lines in front of an SSH connection's packets on as whole lines (RFC 4253 4.2).
 *
 * ssh2 1.17 forgets the middle of a line that comes in three pieces or more, and then waits for its end for ever.
 */
export class FirstLines {
  #rest: Buffer = Buffer.alloc(0);
  #isOver = false;

  /** What can be handed on once `bytes` have come; empty while the line has not ended. `bytes` are kept. */
  add(bytes: Buffer): Buffer {
    if (this.#isOver) return bytes;
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#isOver = hasIdentification(all) || all.length > MAX_LINE_BYTES;
    const end = this.#isOver ? all.length : all.lastIndexOf(LF) + 1;
    this.#rest = all.subarray(end);
    return all.subarray(0, end);
  }
}

/** Whether a whole line begins with `SSH-`. */
function hasIdentification(bytes: Buffer): boolean {
  for (let begin = 0;;) {
    const end = bytes.indexOf(LF, begin);
    if (end < 0) return false;
    if (bytes.subarray(begin, begin + SSH.length).equals(SSH)) return true;
    begin = end + 1;
  }
}
