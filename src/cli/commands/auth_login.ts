import type { AuthStatus } from "../../providers/auth_actions.ts";
import { defineCommand } from "../command.ts";
import { AUTH_FLAGS, formatStatus, LOGIN_FLAGS, openAuth } from "./auth_choice.ts";

/** `porthole auth login`: logs in at a platform and keeps the token. */
export const authLogin = defineCommand({
  name: "auth login",
  summary: "Log in at a platform",
  flags: { ...AUTH_FLAGS, ...LOGIN_FLAGS },
  examples: ["porthole auth login", "porthole auth login --device --config ~/.flyte/config.yaml"],
  async *run({ flags }, context): AsyncGenerator<AuthStatus, void> {
    using auth = (await openAuth(flags, context)).auth;
    yield await auth.login(context);
  },
  format: formatStatus,
});
