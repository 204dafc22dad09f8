import { describeError } from "../base/errors.ts";

/**
 * What the watchdog runs: it keeps the list of sessions and hangs them up when its stdin ends. `$live` is a list of
 * numbers that it was given, one per line, so nothing in it needs quoting. A single process, the job, goes with all that
 * it started: it shares the agent's process group, which may be that of whoever started the agent.
 */
const SCRIPT = `
trap '' HUP INT TERM
live=' '
tree() {
  for child in $(cat /proc/$1/task/*/children 2>/dev/null || pgrep -P "$1"); do
    echo "$child"
    tree "$child"
  done
}
while read -r what pid; do
  case $what in
    +) live="$live$pid " ;;
    -) live="\${live%% "$pid" *} \${live#* "$pid" }" ;;
  esac
done
[ -z "$(echo $live)" ] && exit 0
for pid in $live; do case $pid in -*) ;; *) live="$live $(tree "$pid")" ;; esac; done
for pid in $live; do kill -HUP "$pid"; kill -CONT "$pid"; done
sleep 2
for pid in $live; do kill -KILL "$pid"; done
`;

/**
 * Hangs up what the agent started if the agent itself is killed (SIGKILL, out of memory), which no handler of its own
 * could do. A small shell that waits on a pipe from us: the kernel closes that, however we end.
 */
export class Watchdog implements AsyncDisposable {
  readonly #onError: (message: string) => void;
  #child: Deno.ChildProcess | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(onError: (message: string) => void) {
    this.#onError = onError;
  }

  /** Watches a process group until disposed. */
  watchGroup(pgid: number): Disposable {
    return this.#watch(-pgid);
  }

  /** Watches one process until disposed. */
  watchProcess(pid: number): Disposable {
    return this.#watch(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#child) return;
    await this.#writing;
    await this.#writer?.close().catch(() => {/* it was killed: nobody is to be told to end */});
    await this.#child.status;
  }

  #watch(id: number): Disposable {
    this.#tell(`+ ${id}\n`);
    return { [Symbol.dispose]: () => this.#tell(`- ${id}\n`) };
  }

  #tell(line: string): void {
    if (Deno.build.os === "windows") return;
    const writer = this.#start();
    this.#writing = this.#writing.then(() => writer?.write(new TextEncoder().encode(line))).catch((error) =>
      this.#onError(`The watchdog is gone: ${describeError(error)}`)
    );
  }

  #start(): WritableStreamDefaultWriter<Uint8Array> | undefined {
    if (this.#child) return this.#writer;
    try {
      this.#child = new Deno.Command("/bin/sh", {
        args: ["-c", SCRIPT],
        stdin: "piped",
        stdout: "null",
        stderr: "null",
        // A session of its own: a signal to the agent's process group must not reach it.
        detached: true,
      }).spawn();
      this.#writer = this.#child.stdin.getWriter();
    } catch (error) {
      this.#onError(`No watchdog: what runs in sessions would outlive a killed agent: ${describeError(error)}`);
    }
    return this.#writer;
  }
}
