import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";

const CONNECT_AGAIN = "porthole connect again, if the run was restarted or has ended";

/**
 * Why ssh ended, by the last lines that it said: its exit status is 255 for all of it (ssh(1), EXIT STATUS).
 *
 * Codes: `auth_denied`, `host_key_mismatch`, `already_exists` (a local port), `dial_failed`, else `tunnel_closed`.
 */
export function explainSshEnd(lines: readonly string[], status: number): AppError {
  const text = lines.join("\n");
  // A ProxyCommand says what happened; ssh itself only sees that it went away.
  const proxy = lines.findLast((line) => line.startsWith("porthole: "));
  const last = oneLine(proxy ?? lines.findLast((line) => !/^(?:\*{3}|@|Warning:)/.test(line)) ?? "");
  const said = last || `ssh ended with status ${status}`;
  if (/Permission denied \(|Too many authentication failures/.test(text)) {
    return new AppError("auth_denied", `Cannot log in: ${said}`, {
      hint:
        "porthole connect again with --identity-file KEY; a key with a passphrase must be in the agent: ssh-add KEY",
    });
  }
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(text)) {
    return new AppError("host_key_mismatch", `The host key was refused: ${said}`, {
      hint: "porthole connect again, if the run was restarted",
    });
  }
  if (/Address already in use|cannot listen to port/.test(text)) {
    return new AppError("already_exists", `Cannot open the tunnels: ${said}`);
  }
  if (/^ssh: connect to host |^ssh: Could not resolve hostname /m.test(text)) {
    return new AppError("dial_failed", `Cannot reach the target: ${said}`, { hint: CONNECT_AGAIN });
  }
  return new AppError("tunnel_closed", `The connection ended: ${said}`, {
    hint: CONNECT_AGAIN,
  });
}
