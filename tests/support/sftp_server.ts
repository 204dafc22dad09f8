// An SFTP server on stdio with this machine's files: what `sftp -D` and sshd's `Subsystem` start in tests.
import { nativeFileSystem } from "../../src/ssh/sftp/native_file_system.ts";
import { serveSftp } from "../../src/ssh/sftp/server.ts";
import { stdioStream } from "./stdio_stream.ts";

const home = Deno.env.get("HOME");
await serveSftp(stdioStream(), nativeFileSystem(home === undefined ? {} : { home }), {
  startFolder: Deno.cwd(),
});
