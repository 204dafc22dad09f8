import { AppError } from "../../base/errors.ts";
import type { WindowSize } from "../../ssh/server/session.ts";
import { cString, cStringArray, errno, ioctl, IS_MAC, type Libc, openLibc } from "./libc.ts";
import { POLLIN, PollLoop, POLLOUT } from "./poll_loop.ts";
import type { ProcessExit, PtyHost, PtyProcess, PtySpawnOptions } from "./pty_process.ts";
import { Reaper } from "./reaper.ts";
import { applyTerminalModes } from "./terminal_modes.ts";

/** `<fcntl.h>` */
const O_RDWR = 2;
const O_NONBLOCK = IS_MAC ? 0x4 : 0o4000;
const O_NOCTTY = IS_MAC ? 0x20000 : 0o400;
const O_CLOEXEC = IS_MAC ? 0x1000000 : 0o2000000;
const TIOCSWINSZ = IS_MAC ? 0x80087467n : 0x5414n;
/** `<errno.h>` */
const EAGAIN = IS_MAC ? 35 : 11;
const EINTR = 4;
const ENOENT = 2;
const EACCES = 13;
/** `<spawn.h>` */
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = IS_MAC ? 0x0400 : 0x80;
/** The kernel hands out at most 4 KiB a read; so many are joined into one. */
const READ_BYTES = 65_536;

/**
 * Pseudo-terminals from the C library, through FFI, with one thread for all of them.
 *
 * Not by a native addon (node-pty in its prebuilt form was tried): a compiled program unpacks that into its temporary
 * folder first and fails where that is read-only ("Read-only file system") or mounted noexec ("failed to map segment
 * from shared object"), as jobs often have it; it knows no terminal modes either. This needs no file, does 160 to 210
 * MB/s and 100 sessions in 65 MiB. glibc and macOS; the compiled runtime itself needs one of them.
 */
export function createLibcPtyHost(): PtyHost {
  const libc = openLibc();
  const loop = new PollLoop(libc);
  const reaper = new Reaper(libc);
  const open = new Set<LibcPty>();
  return {
    spawn(options) {
      const fd = openTerminal(libc);
      try {
        setSize(libc, { fd, size: options.size });
        applyTerminalModes(libc, { fd, modes: options.modes });
        const path = terminalPath(libc, fd);
        const pid = spawnIn(libc, { path, options });
        const pty = new LibcPty({
          libc,
          loop,
          fd,
          pid,
          path,
          exit: reaper.whenExited(pid),
          onClose: () => open.delete(pty),
        });
        open.add(pty);
        return pty;
      } catch (error) {
        libc.symbols.close(fd);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      for (const pty of [...open]) pty[Symbol.dispose]();
      reaper[Symbol.dispose]();
      await Promise.all([...open].map((pty) => pty.closed));
      await loop[Symbol.asyncDispose]();
      libc.close();
    },
  };
}

interface LibcPtyOptions {
  readonly libc: Libc;
  readonly loop: PollLoop;
  readonly fd: number;
  readonly pid: number;
  readonly path: string;
  readonly exit: Promise<ProcessExit>;
  onClose(): void;
}

class LibcPty implements PtyProcess {
  readonly pid: number;
  readonly path: string;
  readonly exit: Promise<ProcessExit>;
  readonly #libc: Libc;
  readonly #loop: PollLoop;
  readonly #fd: number;
  readonly #onClose: () => void;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #isDisposed = false;
  closed: Promise<void> = Promise.resolve();

  constructor({ libc, loop, fd, pid, path, exit, onClose }: LibcPtyOptions) {
    this.#libc = libc;
    this.#loop = loop;
    this.#fd = fd;
    this.pid = pid;
    this.path = path;
    this.exit = exit;
    this.#onClose = onClose;
  }

  async read(): Promise<Uint8Array | null> {
    while (!this.#isDisposed) {
      const count = this.#readAvailable();
      if (count > 0) return this.#buffer.subarray(0, count);
      if (count < 0) return null;
      await this.#loop.wait(this.#fd, POLLIN);
    }
    return null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // The pointer goes to C: a view into a larger buffer is fine, a shared one would not be.
    for (let at = 0; at < bytes.length;) {
      if (this.#isDisposed) throw new AppError("tunnel_closed", "The terminal is closed");
      const rest = new Uint8Array(bytes.subarray(at));
      const count = Number(this.#libc.symbols.write(this.#fd, rest, BigInt(rest.length)));
      if (count > 0) at += count;
      else if (!isRetry(errno(this.#libc))) throw new AppError("tunnel_closed", "The terminal has hung up");
      else await this.#loop.wait(this.#fd, POLLOUT);
    }
  }

  resize(size: WindowSize): void {
    if (!this.#isDisposed) setSize(this.#libc, { fd: this.#fd, size });
  }

  sendBreak(): void {
    if (!this.#isDisposed) this.#libc.symbols.tcsendbreak(this.#fd, 0);
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.closed = this.#loop.cancel(this.#fd).then(() => {
      this.#libc.symbols.close(this.#fd);
      this.#onClose();
    });
  }

  /** How many bytes came into the buffer: 0 if none are there now, -1 at the end. */
  #readAvailable(): number {
    let total = 0;
    while (total < READ_BYTES) {
      const rest = total === 0 ? this.#buffer : this.#buffer.subarray(total);
      const count = Number(this.#libc.symbols.read(this.#fd, rest, BigInt(rest.length)));
      if (count > 0) total += count;
      // EIO is how Linux says that nobody holds the other end any more; it will say so again.
      else return total > 0 ? total : count < 0 && isRetry(errno(this.#libc)) ? 0 : -1;
    }
    return total;
  }
}

function isRetry(code: number): boolean {
  return code === EAGAIN || code === EINTR;
}

function openTerminal({ symbols }: Libc): number {
  const fd = symbols.posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0 && symbols.grantpt(fd) === 0 && symbols.unlockpt(fd) === 0) return fd;
  if (fd >= 0) symbols.close(fd);
  throw new AppError("internal", "Cannot open a pseudo-terminal: is /dev/pts mounted, and is one left?", {
    hint: "Commands without a terminal work: ssh -T",
  });
}

function terminalPath({ symbols }: Libc, fd: number): string {
  const name = new Uint8Array(128);
  if (symbols.ptsname_r(fd, name, BigInt(name.length)) !== 0) {
    throw new AppError("internal", "Cannot learn the name of the pseudo-terminal");
  }
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

function setSize(libc: Libc, { fd, size }: { fd: number; size: WindowSize }): void {
  ioctl(libc, { fd, request: TIOCSWINSZ, data: new Uint16Array([size.rows, size.cols, size.widthPx, size.heightPx]) });
}

/** Starts the process with the terminal as its controlling one, and as its stdin, stdout and stderr. */
function spawnIn({ symbols }: Libc, { path, options }: { path: string; options: PtySpawnOptions }): number {
  // glibc needs 80 and 336 bytes, macOS one pointer each.
  const actions = new Uint8Array(256);
  const attributes = new Uint8Array(512);
  const strings = [cString(options.cwd), cString(path), cString(options.file)] as const;
  const argv = cStringArray(options.argv);
  const envp = cStringArray(Object.entries(options.env(path)).map(([name, value]) => `${name}=${value}`));
  const pid = new Int32Array(1);
  symbols.posix_spawn_file_actions_init(actions);
  symbols.posix_spawnattr_init(attributes);
  try {
    symbols.posix_spawn_file_actions_addchdir_np(actions, strings[0]);
    // The first terminal that a new session's leader opens becomes its controlling one.
    symbols.posix_spawn_file_actions_addopen(actions, 0, strings[1], O_RDWR, 0);
    symbols.posix_spawn_file_actions_adddup2(actions, 0, 1);
    symbols.posix_spawn_file_actions_adddup2(actions, 0, 2);
    symbols.posix_spawnattr_setsigdefault(attributes, new Uint8Array(128).fill(0xff));
    symbols.posix_spawnattr_setsigmask(attributes, new Uint8Array(128));
    symbols.posix_spawnattr_setflags(attributes, SETSID | SETSIGDEF | SETSIGMASK);
    const code = symbols.posix_spawn(pid, strings[2], actions, attributes, argv.pointers, envp.pointers);
    if (code !== 0) throw spawnFailure(code, options);
    return pid[0] ?? 0;
  } finally {
    symbols.posix_spawn_file_actions_destroy(actions);
    symbols.posix_spawnattr_destroy(attributes);
  }
}

function spawnFailure(code: number, { file, cwd }: PtySpawnOptions): AppError {
  const what = `Cannot run ${JSON.stringify(file)} in ${JSON.stringify(cwd)}`;
  if (code === ENOENT) return new AppError("not_found", `${what}: no such file or folder`);
  if (code === EACCES) return new AppError("not_found", `${what}: permission denied`);
  return new AppError("internal", `${what}: errno ${code}`);
}
