/** Pieces that wait are joined up to this size before they are handed out. */
const MAX_TAKE_BYTES = 256 * 1024;
/** Smaller pieces are copied: a window's worth of single bytes, each an object of its own, would take a gigabyte. */
const SMALL_BYTES = 4096;
const SLAB_BYTES = 64 * 1024;

/** What a peer has sent on a channel and nobody has read yet; takes memory in proportion to its bytes, however they came. */
export class ReceiveQueue {
  #pieces: Uint8Array[] = [];
  #slab: Uint8Array | undefined;
  #slabUsed = 0;
  /** Whether the last piece lies at the end of what is used of the slab. */
  #isLastInSlab = false;
  /** Where pieces are joined; serves again while there is more than one to take. */
  #joined: Uint8Array | undefined;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Adds `piece`, which is the queue's from now on. */
  push(piece: Uint8Array): void {
    // A reader that keeps up, at a keystroke's pace, gets what came without a copy.
    if (this.#pieces.length === 0 || piece.length >= SMALL_BYTES) {
      this.#pieces.push(piece);
      this.#isLastInSlab = false;
    } else {
      this.#pushSmall(piece);
    }
  }

  /** The next bytes, several pieces in one, until the next call; empty when there are none. */
  take(): Uint8Array {
    const first = this.#pieces.shift() ?? new Uint8Array(0);
    let size = first.length;
    let count = 0;
    for (; count < this.#pieces.length; count++) {
      const next = this.#pieces[count]?.length ?? 0;
      if (size + next > MAX_TAKE_BYTES) break;
      size += next;
    }
    if (count === this.#pieces.length) this.#isLastInSlab = false;
    if (count > 0) return this.#join([first, ...this.#pieces.splice(0, count)], size);
    this.#joined = undefined;
    return first;
  }

  #join(pieces: readonly Uint8Array[], size: number): Uint8Array {
    if (!this.#joined || this.#joined.length < size) this.#joined = new Uint8Array(Math.min(MAX_TAKE_BYTES, 2 * size));
    let at = 0;
    for (const piece of pieces) {
      this.#joined.set(piece, at);
      at += piece.length;
    }
    return this.#joined.subarray(0, size);
  }

  #pushSmall(piece: Uint8Array): void {
    if (!this.#slab || this.#slab.length - this.#slabUsed < piece.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabUsed = 0;
      this.#isLastInSlab = false;
    }
    const begin = this.#isLastInSlab ? this.#slabUsed - (this.#pieces.pop()?.length ?? 0) : this.#slabUsed;
    this.#slab.set(piece, this.#slabUsed);
    this.#slabUsed += piece.length;
    this.#pieces.push(this.#slab.subarray(begin, this.#slabUsed));
    this.#isLastInSlab = true;
  }
}
