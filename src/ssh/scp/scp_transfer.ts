import type { SftpFileSystem } from "../sftp/file_system.ts";
import type { StatusError } from "../sftp/status_error.ts";
import type { ScpCommand } from "./scp_command.ts";
import type { ScpWire } from "./scp_wire.ts";

/** What {@link ScpTransfer} is made of. */
export interface ScpTransferOptions {
  readonly wire: ScpWire;
  readonly fs: SftpFileSystem;
  readonly command: ScpCommand;
  readonly stderr: (text: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** What both directions share: the options, and the count of what did not work. */
export class ScpTransfer {
  readonly wire: ScpWire;
  readonly fs: SftpFileSystem;
  readonly signal: AbortSignal | undefined;
  readonly isRecursive: boolean;
  readonly keepsTimes: boolean;
  readonly needsFolder: boolean;
  readonly #isVerbose: boolean;
  readonly #stderr: (text: string) => void;
  #failures = 0;

  constructor({ wire, fs, command, stderr, signal }: ScpTransferOptions) {
    this.wire = wire;
    this.fs = fs;
    this.signal = signal;
    this.isRecursive = command.isRecursive;
    this.keepsTimes = command.keepsTimes;
    this.needsFolder = command.needsFolder;
    this.#isVerbose = command.isVerbose;
    this.#stderr = stderr;
  }

  /** What scp exits with. */
  get exitStatus(): number {
    return this.#failures === 0 ? 0 : 1;
  }

  countFailure(): void {
    this.#failures++;
  }

  /** Counts a failure and tells the other side of it, which goes on. */
  async warn(what: string, { message }: StatusError): Promise<void> {
    this.countFailure();
    await this.wire.warn(`${what}: ${message}`);
  }

  /** With `-v`, a line on stderr. */
  verbose(line: string): void {
    if (this.#isVerbose) this.#stderr(`${line}\n`);
  }
}
