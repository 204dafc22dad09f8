import { AppError } from "../../base/errors.ts";
import { ioctl, IS_MAC, type Libc } from "./libc.ts";

/** `<poll.h>`; the same on Linux and macOS. */
export const POLLIN = 1;
export const POLLOUT = 4;
/** `<sys/ioctl.h>`: close-on-exec, without fcntl(2) and without pipe2(2), which macOS lacks. */
const FIOCLEX = IS_MAC ? 0x20006601n : 0x5451n;

interface Waiter {
  readonly fd: number;
  readonly events: number;
  resolve(): void;
}

/**
 * Waits for any number of file descriptors with one thread: a single `poll` is under way at a time, and only while
 * somebody waits. A pipe wakes it when the set changes.
 */
export class PollLoop implements AsyncDisposable {
  readonly #libc: Libc;
  readonly #waiters = new Set<Waiter>();
  readonly #wakeRead: number;
  readonly #wakeWrite: number;
  readonly #one = new Uint8Array(1);
  readonly #drain = new Uint8Array(64);
  #running: Promise<void> | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    const fds = new Int32Array(2);
    if (libc.symbols.pipe(fds) !== 0) throw new AppError("internal", "Cannot make a pipe: too many open files");
    this.#wakeRead = fds[0] ?? -1;
    this.#wakeWrite = fds[1] ?? -1;
    for (const fd of fds) ioctl(libc, { fd, request: FIOCLEX, data: this.#one });
  }

  /** Resolves when one of `events` (or an error or hang-up) shows on `fd`, or after `cancel`. */
  wait(fd: number, events: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add({ fd, events, resolve });
      if (this.#running) this.#wake();
      else this.#running = this.#run();
    });
  }

  /** Ends every wait for `fd`, which may be closed then once the returned promise is settled. */
  async cancel(fd: number): Promise<void> {
    for (const waiter of [...this.#waiters]) {
      if (waiter.fd !== fd) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    if (!this.#running) return;
    // poll() may still look at the number, which the next open() could give to another file.
    const round = this.#round;
    this.#wake();
    await round.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
    if (this.#running) this.#wake();
    await this.#running;
    this.#libc.symbols.close(this.#wakeRead);
    this.#libc.symbols.close(this.#wakeWrite);
  }

  #round = Promise.withResolvers<void>();

  #wake(): void {
    this.#libc.symbols.write(this.#wakeWrite, this.#one, 1n);
  }

  async #run(): Promise<void> {
    while (this.#waiters.size > 0) {
      const waiting = [...this.#waiters];
      const set = this.#pollSet(waiting);
      await this.#libc.symbols.poll(set.buffer, BigInt(waiting.length + 1), -1);
      if (set.getInt16(6, true) !== 0) this.#libc.symbols.read(this.#wakeRead, this.#drain, 64n);
      waiting.forEach((waiter, index) => {
        if (set.getInt16(14 + 8 * index, true) !== 0 && this.#waiters.delete(waiter)) waiter.resolve();
      });
      this.#round.resolve();
      this.#round = Promise.withResolvers();
    }
    // In the same turn as the last look at the set: whoever comes next must start anew.
    this.#running = undefined;
  }

  /** An array of `struct pollfd { int fd; short events, revents; }`; the pipe comes first. */
  #pollSet(waiting: readonly Waiter[]): DataView<ArrayBuffer> {
    const set = new DataView(new ArrayBuffer(8 * (waiting.length + 1)));
    set.setInt32(0, this.#wakeRead, true);
    set.setInt16(4, POLLIN, true);
    waiting.forEach(({ fd, events }, index) => {
      set.setInt32(8 + 8 * index, fd, true);
      set.setInt16(12 + 8 * index, events, true);
    });
    return set;
  }
}
