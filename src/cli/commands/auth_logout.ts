import { defineCommand } from "../command.ts";
import { AUTH_FLAGS, openAuth } from "./auth_choice.ts";

/** `porthole auth logout`: forgets the stored token. The platform offers no way to end it sooner than it ends. */
export const authLogout = defineCommand({
  name: "auth logout",
  summary: "Forget the stored token",
  flags: AUTH_FLAGS,
  async *run({ flags }, context): AsyncGenerator<{ readonly provider: string; readonly removed: boolean }, void> {
    const { platform, auth } = await openAuth(flags, context);
    using open = auth;
    yield { provider: platform, removed: await open.logout(context) };
  },
  format: ({ provider, removed }) => removed ? `Logged out of ${provider}\n` : `Was not logged in to ${provider}\n`,
});
