import fs from "node:fs";
import type { SftpAttributes, SftpStat } from "./attributes.ts";
import type { MaybePromise, SftpFile } from "./file_system.ts";
import type { StatVfs } from "./stat_vfs.ts";
import { errnoStatus } from "./status_error.ts";

/**
 * A read or write that took longer than this found a disk at work, not the page cache. (Measured here: 7 to 60 µs for
 * 32 to 256 KiB from the cache, synchronously; ten times as long through a thread.)
 */
const SLOW_MS = 4;

/** How many reads and writes of a file go through a thread after a slow one, before it is tried without again. */
const THREADED_AFTER_SLOW = 64;

/**
 * An open file by its descriptor.
 *
 * Reads and writes of regular files are synchronous while they are fast, which is what makes bulk transfers fast, and
 * go through a thread while they are slow, so that a slow disk does not stop everybody else.
 */
export class NativeFile implements SftpFile {
  readonly #path: string;
  readonly #statVfs: (path: string) => Promise<StatVfs>;
  readonly #isRegular: boolean;
  #fd: number | undefined;
  #threaded = 0;

  constructor(fd: number, { path, statVfs }: { path: string; statVfs: (path: string) => Promise<StatVfs> }) {
    this.#fd = fd;
    this.#path = path;
    this.#statVfs = statVfs;
    this.#isRegular = fs.fstatSync(fd).isFile();
  }

  read(into: Uint8Array, position: number): MaybePromise<number> {
    const fd = this.#open();
    if (!this.#mayBlock()) return this.#readThreaded(fd, into, position);
    const startedAt = performance.now();
    let done = 0;
    while (done < into.length) {
      const got = fs.readSync(fd, into, done, into.length - done, position + done);
      if (got === 0) break;
      done += got;
    }
    this.#notePace(startedAt);
    return done;
  }

  write(bytes: Uint8Array, position: number): MaybePromise<void> {
    const fd = this.#open();
    if (!this.#mayBlock()) return this.#writeThreaded(fd, bytes.slice(), position);
    const startedAt = performance.now();
    for (let done = 0; done < bytes.length;) {
      done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
    }
    this.#notePace(startedAt);
  }

  stat(): SftpStat {
    const { size, uid, gid, mode, nlink, atimeMs, mtimeMs } = fs.fstatSync(this.#open());
    return { size, uid, gid, mode, linkCount: nlink, atime: atimeMs / 1000, mtime: mtimeMs / 1000 };
  }

  setAttributes({ size, uid, gid, mode, atime, mtime }: SftpAttributes): void {
    const fd = this.#open();
    if (size !== undefined) fs.ftruncateSync(fd, size);
    if (mode !== undefined) fs.fchmodSync(fd, mode & 0o7777);
    if (mtime !== undefined) fs.futimesSync(fd, atime ?? mtime, mtime);
    if (uid !== undefined && gid !== undefined) fs.fchownSync(fd, uid, gid);
  }

  sync(): Promise<void> {
    const fd = this.#open();
    return new Promise((resolve, reject) => fs.fsync(fd, (error) => error ? reject(error) : resolve()));
  }

  statVfs(): Promise<StatVfs> {
    const fd = this.#open();
    // The path may have become another file's by now; where the system gives one of the open file, that is asked.
    return this.#statVfs(Deno.build.os === "linux" ? `/proc/self/fd/${fd}` : this.#path);
  }

  /** Closing may flush to a far disk: through a thread. */
  close(): Promise<void> {
    const fd = this.#open();
    // Never again: the system gives the number to the next file that is opened.
    this.#fd = undefined;
    return new Promise((resolve, reject) => fs.close(fd, (error) => error ? reject(error) : resolve()));
  }

  #open(): number {
    if (this.#fd === undefined) throw errnoStatus("EBADF");
    return this.#fd;
  }

  #mayBlock(): boolean {
    if (!this.#isRegular) return false;
    if (this.#threaded === 0) return true;
    this.#threaded--;
    return false;
  }

  #notePace(startedAt: number): void {
    if (performance.now() - startedAt > SLOW_MS) this.#threaded = THREADED_AFTER_SLOW;
  }

  async #readThreaded(fd: number, into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const got = await readOnce(fd, { into: into.subarray(done), position: this.#isRegular ? position + done : null });
      done += got;
      // A device or pipe gives what it has; asking for more could wait for ever.
      if (got === 0 || !this.#isRegular) break;
    }
    return done;
  }

  async #writeThreaded(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await writeOnce(fd, {
        bytes: bytes.subarray(done),
        position: this.#isRegular ? position + done : null,
      });
    }
  }
}

function readOnce(fd: number, { into, position }: { into: Uint8Array; position: number | null }): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, got) => error ? reject(error) : resolve(got));
  });
}

function writeOnce(fd: number, { bytes, position }: { bytes: Uint8Array; position: number | null }): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, 0, bytes.length, position, (error, put) => error ? reject(error) : resolve(put));
  });
}
