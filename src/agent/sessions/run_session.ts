import type { Environment } from "../../base/home.ts";
import { oneLine } from "../../base/printable.ts";
import { describeError } from "../../base/errors.ts";
import type { SshConnection } from "../../ssh/server/connection.ts";
import type { ServerSession } from "../../ssh/server/session.ts";
import { parseScpCommand } from "../../ssh/scp/scp_command.ts";
import { serveScp } from "../../ssh/scp/server.ts";
import { hasRawBytes } from "../../ssh/sftp/byte_path.ts";
import { serveSftp } from "../../ssh/sftp/server.ts";
import { nativeFileSystem } from "../../ssh/sftp/native_file_system.ts";
import type { TcpAddress } from "../../stream/tcp.ts";
import type { Account } from "../account.ts";
import type { PtyHost } from "../pty/pty_process.ts";
import { sessionEnv } from "../session_env.ts";
import type { Watchdog } from "../watchdog.ts";
import { type AgentSocket, listenForAgent } from "./agent_socket.ts";
import { runExec } from "./exec_session.ts";
import type { ProgramOptions } from "./program.ts";
import { runRawCommand } from "./raw_command.ts";
import { runPty } from "./pty_session.ts";

/** What every session of one agent shares. */
export interface SessionSurroundings {
  readonly account: Account;
  /** The agent's own environment. */
  readonly env: Environment;
  /** Where sessions begin, the shell's and SFTP's alike. */
  readonly cwd: string;
  readonly local: TcpAddress | undefined;
  readonly watchdog: Watchdog;
  /** Made when the first terminal is asked for. */
  ptyHost(): PtyHost;
}

/** What one session is asked to do after the key's own restrictions were heard. */
export interface RunSessionOptions extends SessionSurroundings {
  readonly connection: SshConnection;
  /** Runs instead of what the client asked for (`command=` of authorized_keys); what it asked goes to SSH_ORIGINAL_COMMAND. */
  readonly forcedCommand?: string | undefined;
}

/** Status of a command that could not be started, as a shell has it. */
const CANNOT_RUN = 127;

/** Runs one session from its request to its exit. */
export async function runSession(session: ServerSession, given: RunSessionOptions): Promise<void> {
  const { request, pty } = session.setup;
  const options = { ...given, cwd: startFolder(given) };
  const { forcedCommand } = options;
  if (forcedCommand === undefined && request.kind === "subsystem") {
    return await runSubsystem(session, request.name, options);
  }
  const command = forcedCommand ?? (request.kind === "exec" ? request.command : undefined);
  if (command !== undefined && !pty && await tryScp(session, command, options)) return;
  using agent = await agentSocket(session, options.connection);
  const program = (tty?: string) => toProgram({ session, command, tty, agent, options });
  try {
    if (pty) await runPty(session, { host: options.ptyHost(), pty, program, watchdog: options.watchdog });
    else await runExec(session, { program: program(), watchdog: options.watchdog });
  } catch (error) {
    if (session.closed.aborted) throw error;
    await session.writeStderr(new TextEncoder().encode(`porthole: ${oneLine(describeError(error))}\r\n`));
    session.exit(CANNOT_RUN);
  }
}

/** A job may have removed the folder that it was started in: people want to look all the more then. */
function startFolder({ cwd, account }: RunSessionOptions): string {
  return [cwd, account.home].find(isFolder) ?? "/";
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Not there or not to be seen: nothing can begin there either way.
    return false;
  }
}

async function runSubsystem(session: ServerSession, name: string, { account, cwd }: RunSessionOptions): Promise<void> {
  if (name !== "sftp") return session.exit(CANNOT_RUN);
  await serveSftp(session, nativeFileSystem({ home: account.home }), { signal: session.closed, startFolder: cwd });
  // scp(1) takes an end without a status for a failure.
  session.exit(0);
}

/** `scp -t` and `scp -f` are served by us, always: the job's image need not have the program. */
async function tryScp(session: ServerSession, command: string, { account, cwd }: RunSessionOptions): Promise<boolean> {
  const scp = Deno.build.os === "windows" ? null : parseScpCommand(command);
  if (!scp) return false;
  const fs = nativeFileSystem({ home: account.home });
  const stderr = (text: string) => void session.writeStderr(new TextEncoder().encode(text)).catch(() => {});
  session.exit(await serveScp(session, scp, { fs, cwd, stderr, signal: session.closed }));
  return true;
}

interface ProgramParts {
  readonly session: ServerSession;
  readonly command: string | undefined;
  readonly tty: string | undefined;
  readonly agent: AgentSocket | undefined;
  readonly options: RunSessionOptions;
}

function toProgram({ session, command, tty, agent, options }: ProgramParts): ProgramOptions {
  const { account, env: base, cwd, local, connection, forcedCommand } = options;
  const { request, pty, env: client } = session.setup;
  const env = sessionEnv({
    base,
    account,
    client,
    remote: connection.remote,
    local,
    term: pty?.term,
    tty,
    agentSocket: agent?.path,
  });
  if (forcedCommand !== undefined) env.SSH_ORIGINAL_COMMAND = originalCommand(request);
  return {
    ...shellProgram(account.shell, { command, hasTerminal: pty !== undefined }),
    env,
    cwd,
  };
}

function originalCommand(request: ServerSession["setup"]["request"]): string {
  if (request.kind === "exec") return request.command;
  return request.kind === "subsystem" ? request.name : "";
}

function shellProgram(
  shell: string,
  { command, hasTerminal }: { command: string | undefined; hasTerminal: boolean },
) {
  const name = shell.slice(shell.lastIndexOf("/") + 1);
  if (Deno.build.os === "windows") {
    return { file: shell, argv0: shell, args: command === undefined ? [] : ["/d", "/s", "/c", `"${command}"`] };
  }
  if (command !== undefined && hasRawBytes(command)) return runRawCommand(shell, command);
  if (command !== undefined) return { file: shell, argv0: name, args: ["-c", command] };
  // A dash in front is how login(1) says it; where the name cannot be chosen, the option does.
  return { file: shell, ...(hasTerminal ? { argv0: `-${name}`, args: [] } : { argv0: shell, args: ["-l"] }) };
}

async function agentSocket(session: ServerSession, connection: SshConnection): Promise<AgentSocket | undefined> {
  if (!session.setup.wantsAgent) return undefined;
  try {
    return await listenForAgent(() => connection.openAgent());
  } catch (error) {
    const why = oneLine(describeError(error));
    await session.writeStderr(new TextEncoder().encode(`porthole: no key agent in this session: ${why}\r\n`));
    return undefined;
  }
}
