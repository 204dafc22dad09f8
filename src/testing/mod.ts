/**
 * An SSH server for the tests of other programs: commands, files, shells and forwarding as a script says, a record of what
 * clients did, and faults in every phase.
 *
 * ```ts
 * import { testKey, testServer } from "porthole/testing";
 * await using key = await testKey();
 * await using server = await testServer({ user: "testuser", key }).start();
 * server.handleExec((command) => [`ran ${command}\n`, "", 0]);
 * ```
 * @module
 */
export { TestServer, testServer } from "./test_server.ts";
export type { TestServerOptions } from "./test_server_options.ts";
export { type TestKey, testKey } from "./test_key.ts";
export { FAULT_NAMES } from "./faults.ts";
export type { CertificateFlaw, Fault, FaultName, FaultPoint, Phase, RefusalStatus, Times } from "./faults.ts";
export type { CommandRecord } from "./command_record.ts";
export type { TestPublicKey } from "./credentials.ts";
export type { WaitForOptions } from "./event_log.ts";
export type { TestEvent, TestEventType, TestEventTypes } from "./events.ts";
export type { ExecAnswer, ExecHandler, ExecReply, Output, OutputStep } from "./exec_answer.ts";
export type { CommandMatcher } from "./exec_handlers.ts";
export type { ForwardingDecision, ForwardingPolicy } from "./forwarding_policy.ts";
export type { ShellHandler } from "./line_shell.ts";
export type { Chunk, ProgramIo } from "./program_io.ts";
export type { ProgramInput } from "./program_input.ts";
export type { AddTestFileOptions } from "./test_file.ts";
export type { UploadedFile, VirtualFiles } from "./virtual_files.ts";
export { parseFault } from "./parse_fault.ts";
