// An SFTP server on stdio with this machine's files: what `sftp -D` and sshd's `Subsystem` start in tests.
// With SFTP_UNEVEN set, every third read and write takes a moment while the others are done at once.
import type { SftpFile, SftpFileSystem } from "../../src/ssh/sftp/file_system.ts";
import { nativeFileSystem } from "../../src/ssh/sftp/native_file_system.ts";
import { serveSftp } from "../../src/ssh/sftp/server.ts";
import { stdioStream } from "./stdio_stream.ts";

function uneven(fs: SftpFileSystem): SftpFileSystem {
  let count = 0;
  const isSlow = () => ++count % 3 === 0;
  const aMoment = () => new Promise((resolve) => setTimeout(resolve, 1));
  const slowly = (file: SftpFile): SftpFile => ({
    read: (into, position) => isSlow() ? aMoment().then(() => file.read(into, position)) : file.read(into, position),
    write(bytes, position) {
      if (!isSlow()) return file.write(bytes, position);
      const kept = bytes.slice();
      return aMoment().then(() => file.write(kept, position));
    },
    stat: () => file.stat(),
    setAttributes: (attributes) => file.setAttributes(attributes),
    sync: () => file.sync(),
    statVfs: () => file.statVfs(),
    close: () => file.close(),
  });
  return { ...fs, open: async (path, options) => slowly(await fs.open(path, options)) };
}

const home = Deno.env.get("HOME");
const fs = nativeFileSystem(home === undefined ? {} : { home });
await serveSftp(stdioStream(), Deno.env.get("SFTP_UNEVEN") ? uneven(fs) : fs, { startFolder: Deno.cwd() });
