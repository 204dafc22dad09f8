import { encodePath } from "../../ssh/sftp/byte_path.ts";

/**
 * The program that has `shell` run a command with bytes that are not UTF-8: the runtime hands programs text alone, so
 * printf(1) makes the bytes of it. `command` has them as `decodePath` gives them.
 */
export function runRawCommand(shell: string, command: string) {
  return { file: "/bin/sh", argv0: "sh", args: ["-c", 'exec "$1" -c "$(printf "$2")"', "sh", shell, escape(command)] };
}

function escape(command: string): string {
  const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x5c;
  return Array.from(
    encodePath(command),
    (byte) => isPlain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`,
  ).join("");
}
