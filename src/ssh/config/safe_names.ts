import { AppError } from "../../base/errors.ts";

// deno-lint-ignore no-control-regex
const UNSAFE_IN_HOST = /[\x00-\x20\x7f'`"$\\;&<>|(){},]/;
// deno-lint-ignore no-control-regex
const UNSAFE_IN_USER = /[\x00-\x1f\x7f'`";&<>|(){}]/;

/**
 * `host` itself, unless a shell or ssh could take it for more than a name (OpenSSH 9.6, valid_hostname): a ProxyCommand
 * puts it on a command line.
 *
 * @throws AppError `usage`.
 */
export function assertSafeHost(host: string): string {
  if (host !== "" && !host.startsWith("-") && !UNSAFE_IN_HOST.test(host)) return host;
  throw new AppError("usage", `Cannot use ${JSON.stringify(host)} as the name of a host`, {
    hint: "A host is a name or an address, without quotes, spaces or shell characters, and does not begin with a dash",
  });
}

/** `user` itself, by the like rule (OpenSSH 9.6, valid_ruser). @throws AppError `usage`. */
export function assertSafeUser(user: string): string {
  if (user !== "" && !/^-|\\$/.test(user) && !UNSAFE_IN_USER.test(user)) return user;
  throw new AppError("usage", `Cannot use ${JSON.stringify(user)} as the name of a user`, {
    hint: "A user name holds no quotes and no shell characters, and does not begin with a dash",
  });
}
