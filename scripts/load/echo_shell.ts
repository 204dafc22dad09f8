import { once } from "node:events";
import { Client, type ClientChannel } from "../../src/ssh/ssh2_adapter.ts";

/** Who to be, and where. */
export interface LoadTarget {
  readonly port: number;
  readonly privateKey: string;
}

/** One client with one session: what is written comes back. */
export class EchoShell implements Disposable {
  readonly #client: Client;
  readonly #channel: ClientChannel;

  constructor(client: Client, channel: ClientChannel) {
    this.#client = client;
    this.#channel = channel;
  }

  /** Logs in, runs `command`, `cat` unless told otherwise, and waits until it answers: a login shell's start is work too. */
  static async open({ port, privateKey }: LoadTarget, command = "exec cat"): Promise<EchoShell> {
    const client = new Client();
    const ready = once(client, "ready");
    client.connect({ host: "127.0.0.1", port, username: "load", privateKey, readyTimeout: 60_000 });
    await ready;
    client.setNoDelay(true);
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.exec(command, (error, opened) => error ? reject(error) : resolve(opened))
    );
    const shell = new EchoShell(client, channel);
    await shell.roundTrip(new Uint8Array(1));
    return shell;
  }

  /** Sends `bytes` and waits until as many are back; how long that took, in milliseconds. */
  async roundTrip(bytes: Uint8Array): Promise<number> {
    const startedAt = performance.now();
    let left = bytes.length;
    const back = new Promise<void>((resolve) => {
      const onData = (data: Uint8Array) => {
        left -= data.length;
        if (left > 0) return;
        this.#channel.off("data", onData);
        resolve();
      };
      this.#channel.on("data", onData);
    });
    this.#channel.write(bytes);
    await back;
    return performance.now() - startedAt;
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
