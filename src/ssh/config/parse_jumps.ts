import { AppError } from "../../base/errors.ts";
import { assertSafeHost, assertSafeUser } from "./safe_names.ts";

/** One bastion of ProxyJump. What is not told comes from the configuration of that host. */
export interface JumpHost {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** The bastions of `[user@]host[:port],...` or `ssh://` URIs (ssh_config(5), ProxyJump). @throws AppError `config_invalid`. */
export function parseJumps(text: string, place: string): JumpHost[] {
  return text.split(",").map((part) => parseJump(part.trim(), place));
}

function parseJump(text: string, place: string): JumpHost {
  const bare = text.replace(/^ssh:\/\//, "").replace(/\/$/, "");
  const match =
    /^(?:(?<user>.+)@)?(?:\[(?<bracketed>[^\]]+)\]|(?<host>[^:@]+|[^@[\]]*:[^@[\]]*:[^@[\]]*))(?::(?<port>\d+))?$/
      .exec(bare);
  const { user, bracketed, host = bracketed, port } = match?.groups ?? {};
  if (!host || (port !== undefined && !(Number(port) > 0 && Number(port) < 65_536))) {
    throw new AppError(
      "config_invalid",
      `Cannot read ${place}: needed [user@]host[:port], found ${JSON.stringify(text)}`,
    );
  }
  return {
    host: assertSafeHost(host),
    ...(user === undefined ? {} : { user: assertSafeUser(user) }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}
