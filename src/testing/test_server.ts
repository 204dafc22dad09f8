import { AppError } from "../base/errors.ts";
import { hostPort } from "../base/host_port.ts";
import { VERSION } from "../base/version.ts";
import type { CommandRecord } from "./command_record.ts";
import { Credentials, type TestPublicKey } from "./credentials.ts";
import { EventLog, type WaitForOptions } from "./event_log.ts";
import type { TestEvent, TestEventType } from "./events.ts";
import type { ExecAnswer, ExecHandler } from "./exec_answer.ts";
import { type CommandMatcher, ExecHandlers } from "./exec_handlers.ts";
import { type Fault, FaultSet } from "./faults.ts";
import { type HostIdentity, makeHostIdentity } from "./host_identity.ts";
import type { ShellHandler } from "./line_shell.ts";
import { Listening } from "./listening.ts";
import { checkFault } from "./parse_fault.ts";
import { Refusals } from "./refusals.ts";
import { SshConnections } from "./ssh_connections.ts";
import { type AddTestFileOptions, toFileOptions } from "./test_file.ts";
import { makeTestKey, type TestKey } from "./test_key.ts";
import type { TestServerOptions } from "./test_server_options.ts";
import { UnexpectedCommands } from "./unexpected_commands.ts";
import { type UploadedFile, VirtualFiles } from "./virtual_files.ts";

/**
 * An SSH server for tests, on a free loopback port of its own; it listens once `start()` was awaited.
 *
 * @throws AppError `key_invalid` for a `key` that is no public key line
 */
export function testServer(options: TestServerOptions = {}): TestServer {
  return new TestServer(options);
}

/** See {@link testServer}. Disposing it is `shutdown()`. */
export class TestServer implements AsyncDisposable {
  /** The login name that is let in. */
  readonly user: string;
  /** The address that it listens on. */
  readonly host: string;
  /** Where sessions and relative paths begin. */
  readonly home: string;
  /** Its files, for more than `addFile` and `uploaded` do. */
  readonly files: VirtualFiles;
  readonly #options: TestServerOptions;
  readonly #log = new EventLog();
  readonly #faults = new FaultSet();
  readonly #handlers = new ExecHandlers();
  readonly #credentials: Credentials;
  readonly #connections: SshConnections;
  readonly #keys: TestKey[] = [];
  readonly #refusals = new Refusals((isRefusing) => void (isRefusing ? this.#refuse() : this.#listening?.accept()));
  readonly #unexpected = new UnexpectedCommands();
  #shell: ShellHandler | undefined;
  #identity: HostIdentity | undefined;
  #listening: Listening | undefined;
  #starting: Promise<void> | undefined;
  #ports = { port: 0, websocketPort: 0 };
  #tlsAuthority: string | undefined;

  constructor(options: TestServerOptions) {
    const { user = "testuser", home = `/home/${user}` } = options;
    this.#options = options;
    this.user = user;
    this.host = options.hostname ?? "127.0.0.1";
    this.home = home;
    this.#credentials = new Credentials({ ...options, user });
    this.files = new VirtualFiles({
      home,
      createsFolders: options.createsFolders ?? true,
      faults: this.#faults,
      onOperation: (operation, { path }) => {
        if (operation !== "read" && operation !== "write") this.#log.add("file", { operation, path });
      },
    });
    this.files.addFolder("/tmp", { mode: 0o1777 });
    this.#connections = this.#makeConnections();
    this.#faults.onTaken = ({ name }) => this.#log.add("fault", { fault: name });
    for (const fault of options.faults ?? []) this.addFault(fault);
  }

  /**
   * Listens; resolves to the server itself. Once more after a `shutdown()`: at the same port, with the same host key.
   *
   * @throws AppError `config_invalid` where it cannot listen, `key_invalid` for a `hostKey` that is none
   */
  async start(): Promise<this> {
    this.#starting ??= this.#start();
    try {
      await this.#starting;
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
    return this;
  }

  async #start(): Promise<void> {
    this.#identity ??= await makeHostIdentity(this.#options.hostKey);
    const { port, websocketPort } = this.#ports;
    this.#listening = await Listening.start({
      hostname: this.host,
      port: port || (this.#options.port ?? 0),
      websocketPort,
      hasTls: this.#options.tls ?? false,
      faults: this.#faults,
      serve: (arrival) => this.#connections.serve(arrival),
      onRequest: (startLine, status) => this.#log.add("request", { startLine, status }),
    });
    this.#ports = { port: this.#listening.port, websocketPort: this.#listening.websocketPort };
    this.#tlsAuthority = this.#listening.tlsAuthority;
    if (this.#refusals.isRefusing) await this.#refuse();
  }

  /**
   * Cuts every client off, closes the ports, and removes the keys of `testKey()`. May be called twice.
   *
   * @throws AppError `remote_failed` of a strict server, when a client ran a command that no handler was for
   */
  async shutdown(): Promise<void> {
    await this.#starting?.catch(() => {/* told to who started it */});
    this.#starting = undefined;
    this.#connections.closeAll();
    await this.#listening?.close();
    this.#listening = undefined;
    await Promise.all(this.#keys.splice(0).map((key) => key.dispose()));
    if (this.#options.strict) this.#unexpected.assertNone();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** The port for SSH. @throws AppError `usage` before `start()` */
  get port(): number {
    return this.#started(this.#ports.port || undefined);
  }

  /** `127.0.0.1:PORT`. */
  get addr(): string {
    return hostPort(this.host, this.port);
  }

  /** The same server behind a WebSocket. */
  get websocketUrl(): string {
    const port = this.#started(this.#ports.websocketPort || undefined);
    return `${this.#options.tls ? "wss" : "ws"}://${hostPort(this.host, port)}/`;
  }

  /** PEM of the authority that signed the WebSocket front's certificate; undefined without `tls`. */
  get tlsAuthority(): string | undefined {
    return this.#tlsAuthority;
  }

  /** `type base64`. */
  get hostKey(): string {
    return this.#started(this.#identity).publicKey;
  }

  /** Of the host key, `SHA256:...`. */
  get fingerprint(): string {
    return this.#started(this.#identity).fingerprint;
  }

  /** The line of a known_hosts file for this server. */
  get knownHostsLine(): string {
    return `${this.port === 22 ? this.host : `[${this.host}]:${this.port}`} ${this.hostKey}`;
  }

  /** A fresh key that this server lets in, and no other server does. It goes with the server. */
  async testKey(): Promise<TestKey> {
    const { key } = await makeTestKey();
    this.#keys.push(key);
    this.#credentials.addKey(key.publicKey);
    return key;
  }

  /** Lets a key in: a public key line, or what `testKey()` gave. @throws AppError `key_invalid` */
  addAuthorizedKey(key: TestPublicKey): void {
    this.#credentials.addKey(key);
  }

  /** Puts a file there, with the folders above it. `options` may be the mode alone, `0644`. @throws AppError `usage` */
  addFile(path: string, content: string | Uint8Array, options?: AddTestFileOptions): void {
    this.files.addFile(path, content, toFileOptions(options));
  }

  /** What a client wrote to `path`, over SFTP or scp; undefined when none did. */
  uploaded(path: string): UploadedFile | undefined {
    return this.files.uploaded(path);
  }

  /** Answers every command that no `onExec` is for: `fn(command)` returns `[stdout, stderr, code]` or an object. */
  handleExec(fn: ExecHandler): void {
    this.#handlers.setFallback(fn);
  }

  /** Answers commands of this text, or that match. The handler added last goes first. Dispose it to take it away. */
  onExec(matcher: CommandMatcher, answer: ExecAnswer | ExecHandler): Disposable {
    return this.#handlers.add(matcher, answer);
  }

  /** Runs in place of the shell of lines. */
  onShell(handler: ShellHandler): void {
    this.#shell = handler;
  }

  /**
   * Lets something go wrong from now on; dispose it to have it right again. An event tells when `refuse` is in force.
   *
   * @throws AppError `usage` for a field that is not right
   */
  addFault(fault: Fault): Disposable {
    checkFault(fault);
    return fault.name === "refuse" ? this.#refusals.add() : this.#faults.add(fault);
  }

  /** Takes all faults away. */
  clearFaults(): void {
    this.#faults.clear();
    this.#refusals.clear();
  }

  /** Cuts off who is connected, as a network that goes down. */
  disconnectAll(): void {
    this.#connections.closeAll();
  }

  /** What happened so far, oldest first. */
  get events(): readonly TestEvent[] {
    return this.#log.all;
  }

  /** The events of one type. */
  eventsOf<T extends TestEventType>(type: T): TestEvent<T>[] {
    return this.#log.of(type);
  }

  /** The commands that were run, in the order they came; their records fill as they run. */
  get commands(): CommandRecord[] {
    return this.#log.of("command").map(({ record }) => record);
  }

  /** The commands that no handler was for. */
  get unexpectedCommands(): readonly string[] {
    return this.#unexpected.all;
  }

  /** Clients that are connected. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The first event of a type that fits, also if it has happened already. @throws AppError `timeout` after 10 s */
  waitFor<T extends TestEventType>(type: T, options?: WaitForOptions<T>): Promise<TestEvent<T>> {
    return this.#log.waitFor(type, options);
  }

  /** Calls `listener` for every event from now on, until disposed. */
  onEvent(listener: (event: TestEvent) => void): Disposable {
    return this.#log.onEvent(listener);
  }

  /** Forgets the events so far, and the unexpected commands. */
  forget(): void {
    this.#log.clear();
    this.#unexpected.clear();
  }

  async #refuse(): Promise<void> {
    await this.#listening?.refuse();
    if (this.#listening) this.#log.add("fault", { fault: "refuse" });
  }

  #makeConnections(): SshConnections {
    const { forwarding = true, ident = `porthole_test_${VERSION}`, banner, maxAuthTries } = this.#options;
    return new SshConnections({
      faults: this.#faults,
      credentials: this.#credentials,
      forwarding,
      ident,
      banner,
      maxAuthTries,
      hostKeys: () => [this.#started(this.#identity).privateKey],
      sessions: {
        handlers: this.#handlers,
        files: this.files,
        events: this.#log,
        faults: this.#faults,
        home: this.home,
        isStrict: this.#options.strict ?? false,
        shell: () => this.#shell,
        addKey: (line) => this.#credentials.addKey(line),
        onUnexpected: (command) => this.#unexpected.add(command),
      },
    });
  }

  #started<T>(value: T | undefined): T {
    if (value !== undefined) return value;
    throw new AppError("usage", "The test server is not started", { hint: "await server.start()" });
  }
}
