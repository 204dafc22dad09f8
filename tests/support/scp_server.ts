// Stands in for ssh in `scp -S`: the last argument is the remote command, served in process on stdio, or `sftp`.
import { nativeFileSystem } from "../../src/ssh/sftp/native_file_system.ts";
import { serveSftp } from "../../src/ssh/sftp/server.ts";
import { parseScpCommand } from "../../src/ssh/scp/scp_command.ts";
import { serveScp } from "../../src/ssh/scp/server.ts";
import { stdioStream } from "./stdio_stream.ts";

const commandLine = Deno.args.at(-1) ?? "";
const home = Deno.env.get("HOME");
const fs = nativeFileSystem(home === undefined ? {} : { home });
const cwd = Deno.env.get("REMOTE_CWD") ?? Deno.cwd();
if (commandLine === "sftp") {
  await serveSftp(stdioStream(), fs, { startFolder: cwd });
} else {
  const command = parseScpCommand(commandLine);
  const stderr = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  if (!command) stderr(`left to a shell: ${commandLine}\n`);
  Deno.exit(command ? await serveScp(stdioStream(), command, { fs, cwd, stderr }) : 99);
}
