import type { MaybePromise } from "./file_system.ts";

interface Waiting {
  readonly kind: string;
  start(): void;
}

/** The kind of work that nothing else runs beside. */
export const EXCLUSIVE = "exclusive";

/**
 * Lets work of one kind run side by side and keeps all else in order: what came first has ended before something of
 * another kind starts. So results are as if each request had waited for the one before
 * (draft-ietf-secsh-filexfer-02, 3), while reads of a slow disk overlap.
 */
export class RequestOrder {
  #running = 0;
  #kind = "";
  readonly #waiting: Waiting[] = [];

  /** True if work of this kind would start at once. */
  isOpenTo(kind: string): boolean {
    if (this.#waiting.length > 0) return false;
    return this.#running === 0 || (kind === this.#kind && kind !== EXCLUSIVE);
  }

  /** What `work` gives, which starts now if it may: then, and if it is synchronous, so is this. */
  run<T>(kind: string, work: () => MaybePromise<T>): MaybePromise<T> {
    if (this.isOpenTo(kind)) return this.#start(kind, work);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        kind,
        start: () => {
          try {
            resolve(this.#start(kind, work));
          } catch (error) {
            reject(error);
          }
        },
      });
    });
  }

  #start<T>(kind: string, work: () => MaybePromise<T>): MaybePromise<T> {
    this.#kind = kind;
    this.#running++;
    let result: MaybePromise<T>;
    try {
      result = work();
    } catch (error) {
      this.#end();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.#end());
    this.#end();
    return result;
  }

  #end(): void {
    this.#running--;
    for (let next = this.#waiting[0]; next && this.#mayStart(next.kind); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.start();
    }
  }

  #mayStart(kind: string): boolean {
    return this.#running === 0 || (kind === this.#kind && kind !== EXCLUSIVE);
  }
}
