import { AppError } from "../base/errors.ts";
import { oneLine } from "../base/printable.ts";
import { shellQuote } from "../base/shell_quote.ts";

const CONNECT_AGAIN = "porthole connect again, if the run was restarted or has ended";
/** Lines that say nothing of the end: banners, a channel's own failure, what LogLevel DEBUG1 adds at the end. */
const ASIDE = /^(?:\*{3}|@|Warning:|channel \d+: |Transferred: |Bytes per second: )/;

/**
 * Why ssh ended, by the last lines that it said: its exit status is 255 for all of it (ssh(1), EXIT STATUS).
 *
 * Codes: `auth_denied`, `host_key_mismatch`, `already_exists` (a local port), `dial_failed` with `details.reason` as
 * `dialTcp` has it, else `tunnel_closed`.
 */
export function explainSshEnd(lines: readonly string[], status: number): AppError {
  const text = lines.join("\n");
  // A ProxyCommand says what happened; ssh itself only sees that it went away.
  const proxy = lines.findLast((line) => line.startsWith("porthole: "));
  const last = oneLine(proxy ?? lines.findLast((line) => !ASIDE.test(line)) ?? "");
  const said = last || `ssh ended with status ${status}`;
  if (/Permission denied \(|Too many authentication failures/.test(text)) {
    return new AppError("auth_denied", `Cannot log in: ${said}`, {
      hint:
        "porthole connect again with --identity-file KEY; a key with a passphrase must be in the agent: ssh-add KEY",
    });
  }
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/.test(text)) return hostKeyError(text, said);
  if (/Address already in use|cannot listen to port/.test(text)) {
    return new AppError("already_exists", `Cannot open the tunnels: ${said}`);
  }
  if (/^ssh: connect to host |^ssh: Could not resolve hostname /m.test(text)) {
    return new AppError("dial_failed", `Cannot reach the target: ${said}`, {
      hint: CONNECT_AGAIN,
      details: { reason: dialReason(said) },
    });
  }
  return new AppError("tunnel_closed", `The connection ended: ${said}`, {
    hint: CONNECT_AGAIN,
  });
}

/** The name and the file stand in what ssh says of a key that is not the one it knows. */
function hostKeyError(text: string, said: string): AppError {
  const name = /^Host key for (\S+) has changed/m.exec(text)?.[1];
  const file = /^Offending \S+ key in (.+):\d+$/m.exec(text)?.[1];
  const again = "porthole connect again, if the run was restarted";
  if (name === undefined || file === undefined) {
    return new AppError("host_key_mismatch", `The host key was refused: ${said}`, { hint: again });
  }
  return new AppError(
    "host_key_mismatch",
    `The host key was refused: it is not the one that ${JSON.stringify(oneLine(file))} has for ${oneLine(name)}`,
    {
      hint: `${again}. If that is no help, and you know why the key changed: ssh-keygen -R ${oneLine(name)} -f ${
        shellQuote(oneLine(file))
      }`,
    },
  );
}

function dialReason(said: string): string {
  if (/Connection refused/.test(said)) return "refused";
  if (/timed out/.test(said)) return "timeout";
  if (/No route to host|unreachable/.test(said)) return "unreachable";
  return /Could not resolve/.test(said) ? "dns" : "other";
}
