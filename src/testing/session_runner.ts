import { parseScpCommand, type ScpCommand } from "../ssh/scp/scp_command.ts";
import { serveScp } from "../ssh/scp/server.ts";
import type { ServerSession } from "../ssh/server/session.ts";
import { serveSftp } from "../ssh/sftp/server.ts";
import { CommandRecord } from "./command_record.ts";
import { cutAfter } from "./cut_stream.ts";
import type { EventLog } from "./event_log.ts";
import type { ExecAnswer } from "./exec_answer.ts";
import type { ExecHandlers } from "./exec_handlers.ts";
import type { FaultSet } from "./faults.ts";
import { installKeys, installsKeys } from "./key_installation.ts";
import { builtin, lineShell, NOT_FOUND, type ShellHandler } from "./line_shell.ts";
import { type ProgramIo, SessionIo } from "./program_io.ts";
import { runProgram } from "./run_program.ts";
import type { VirtualFiles } from "./virtual_files.ts";

/** What the sessions of one server share. */
export interface SessionSurroundings {
  readonly handlers: ExecHandlers;
  readonly files: VirtualFiles;
  readonly events: EventLog;
  readonly faults: FaultSet;
  /** Where sessions begin. */
  readonly home: string;
  readonly isStrict: boolean;
  /** A scripted shell in place of the one of lines. */
  shell(): ShellHandler | undefined;
  addKey(line: string): boolean;
  /** Told of each command that nobody knew. */
  onUnexpected(command: string): void;
}

/** Who runs a session. */
export interface SessionOwner {
  readonly connection: number;
  readonly user: string;
}

/** Runs one session to its end. */
export async function runTestSession(
  session: ServerSession,
  owner: SessionOwner,
  server: SessionSurroundings,
): Promise<void> {
  const { request } = session.setup;
  const { events } = server;
  if (request.kind === "subsystem") {
    events.add("subsystem", { ...owner, name: request.name });
    return await runSubsystem(session, request.name, server);
  }
  const command = request.kind === "exec" ? request.command : "";
  const { env, pty } = session.setup;
  const record = new CommandRecord({ ...owner, command, env, pty });
  const facts = { connection: owner.connection, record };
  if (request.kind === "exec") events.add("command", { ...facts, command });
  else events.add("shell", { ...facts, pty });
  try {
    const scp = request.kind === "exec" && !server.handlers.find(command, { withFallback: false })
      ? parseScpCommand(command)
      : null;
    if (scp) await runScp(session, scp, { record, server });
    else await run(session, record, server);
  } finally {
    record.isOver = true;
    events.add("exit", { ...facts, command });
  }
}

async function run(session: ServerSession, record: CommandRecord, server: SessionSurroundings): Promise<void> {
  const { events, faults, files } = server;
  const { connection } = record;
  using io = new SessionIo(session, {
    record,
    files,
    onSignal: (signal) => {
      record.signals.push(signal);
      events.add("signal", { connection, signal, record });
    },
    onResize: (size) => {
      record.sizes.push(size);
      events.add("resize", { connection, size, record });
    },
  });
  const isShell = session.setup.request.kind === "shell";
  const program = () => isShell ? runShell(io, server) : answer(record.command, io, server);
  await runProgram(program, {
    session,
    io,
    takeHidesExit: () => faults.take("no-exit-status") !== undefined,
    onError: (error) => events.add("error", { connection, message: String(error) }),
  });
}

function runShell(io: ProgramIo, server: SessionSurroundings): ExecAnswer | Promise<ExecAnswer> {
  const scripted = server.shell();
  return scripted ? scripted(io) : lineShell(io, (line) => answer(line, io, server));
}

function answer(command: string, io: ProgramIo, server: SessionSurroundings): ExecAnswer | Promise<ExecAnswer> {
  const handler = server.handlers.find(command);
  if (handler) return handler(command, io);
  if (!server.isStrict) {
    if (installsKeys(command)) return installKeys(io, (line) => server.addKey(line));
    const known = builtin(command);
    if (known) return known;
  }
  io.record.isExpected = false;
  server.onUnexpected(command);
  return { stderr: `${command.trim().split(/\s/, 1)[0]}: command not found\n`, code: NOT_FOUND };
}

async function runScp(
  session: ServerSession,
  scp: ScpCommand,
  { record, server: { files, home, faults } }: { record: CommandRecord; server: SessionSurroundings },
): Promise<void> {
  const stderr = (text: string) => void session.writeStderr(new TextEncoder().encode(text)).catch(() => {});
  const status = await serveScp(session, scp, { fs: files, cwd: home, stderr, signal: session.closed });
  if (faults.take("no-exit-status")) return session[Symbol.dispose]();
  record.code = status;
  session.exit(status);
}

async function runSubsystem(
  session: ServerSession,
  name: string,
  { files, home, faults }: SessionSurroundings,
): Promise<void> {
  if (name !== "sftp") return session.exit(NOT_FOUND);
  const cut = faults.take("truncated-sftp");
  const stream = cut ? cutAfter(session, cut.bytes) : session;
  await serveSftp(stream, files, { signal: session.closed, startFolder: home });
  // scp(1) takes an end without a status for a failure.
  session.exit(0);
}
