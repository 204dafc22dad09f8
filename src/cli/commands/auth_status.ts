import type { AuthStatus } from "../../providers/auth_actions.ts";
import { defineCommand } from "../command.ts";
import { AUTH_FLAGS, formatStatus, openAuth } from "./auth_choice.ts";

/** `porthole auth status`: tells whether a good token is stored; exit status 1 when none is, nor can be made unasked. */
export const authStatus = defineCommand({
  name: "auth status",
  summary: "Tell whether one is logged in",
  flags: AUTH_FLAGS,
  async *run({ flags }, context): AsyncGenerator<AuthStatus, number> {
    using auth = (await openAuth(flags, context)).auth;
    const status = await auth.status(context);
    yield status;
    return status.isLoggedIn || status.isRenewable ? 0 : 1;
  },
  format: formatStatus,
});
