import { AppError } from "../../base/errors.ts";
import { escapeControls } from "../../base/printable.ts";
import type { ApiKeyActions, ApiKeyItem } from "../../providers/auth_actions.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { AUTH_FLAGS, LOGIN_FLAGS, openAuth } from "./auth_choice.ts";

type Item = (ApiKeyItem & { readonly key?: string }) | { readonly name: string; readonly revoked: boolean };

/** `porthole auth api-key`: the long-lived key with which tunnels outlive a log-in. */
export const authApiKey = defineCommand({
  name: "auth api-key",
  summary: "Make, show or revoke a long-lived key",
  flags: { ...AUTH_FLAGS, ...LOGIN_FLAGS },
  positionals: [
    { name: "ensure|show|revoke", summary: "Make it unless it is there, print its secret, or delete it" },
    {
      name: "NAME",
      summary: "The key's name (default flyte-ssh-debug, or the one that this machine has)",
      isOptional: true,
    },
  ],
  examples: ["porthole auth api-key ensure", 'FLYTE_API_KEY="$(porthole auth api-key show)" flyte get run'],
  async *run({ flags, positionals }, context): AsyncGenerator<Item, void> {
    const { platform, auth } = await openAuth(flags, context);
    using open = auth;
    if (!open.apiKeys) {
      throw new AppError("usage", `There are no API keys on ${platform}: its tokens do not end by themselves`, {
        hint: `porthole auth login --on ${platform}`,
      });
    }
    yield await act(open.apiKeys, positionals, context);
  },
  format: formatItem,
});

async function act(
  apiKeys: ApiKeyActions,
  [action = "", name]: readonly string[],
  { signal }: CommandContext,
): Promise<Item> {
  switch (action) {
    case "ensure":
      return await apiKeys.ensure(name, { signal });
    case "show":
      return await apiKeys.show(name, { signal });
    case "revoke":
      return await apiKeys.revoke(name, { signal });
  }
  throw new AppError("usage", `Cannot ${JSON.stringify(action)} an API key`, {
    hint: "porthole auth api-key ensure|show|revoke [NAME]",
  });
}

/** The secret alone for `show`, so that a command substitution takes it. */
function formatItem(item: Item): string {
  if ("revoked" in item) {
    return `${item.revoked ? "Revoked" : "The platform knew no key"} ${escapeControls(item.name)}\n`;
  }
  if (item.key !== undefined) return `${item.key}\n`;
  return escapeControls(`${item.isNew ? "Made" : "Kept"} ${item.name} (client ${item.clientId}) in ${item.path}\n`);
}
