import type { Libc } from "./libc.ts";
import type { ProcessExit } from "./pty_process.ts";

const WNOHANG = 1;

/** Collects the exit of processes that we spawned through libc; others' children are never touched. */
export class Reaper implements Disposable {
  readonly #libc: Libc;
  readonly #alive = new Map<number, (exit: ProcessExit) => void>();
  readonly #reap = () => this.#collect();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Resolves when `pid` has ended. Call it right behind the spawn. */
  whenExited(pid: number): Promise<ProcessExit> {
    return new Promise((resolve) => {
      if (this.#alive.size === 0) Deno.addSignalListener("SIGCHLD", this.#reap);
      this.#alive.set(pid, resolve);
      // It may have ended before anybody listened.
      this.#collect();
    });
  }

  [Symbol.dispose](): void {
    if (this.#alive.size > 0) Deno.removeSignalListener("SIGCHLD", this.#reap);
    this.#alive.clear();
  }

  #collect(): void {
    const status = new Int32Array(1);
    for (const [pid, resolve] of [...this.#alive]) {
      if (this.#libc.symbols.waitpid(pid, status, WNOHANG) !== pid) continue;
      this.#alive.delete(pid);
      if (this.#alive.size === 0) Deno.removeSignalListener("SIGCHLD", this.#reap);
      const word = status[0] ?? 0;
      resolve({ code: (word >> 8) & 0xff, signal: word & 0x7f });
    }
  }
}
