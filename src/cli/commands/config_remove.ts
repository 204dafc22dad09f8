import { AppError } from "../../base/errors.ts";
import { configPlaces, listHosts, removeHosts } from "../../ssh/config/managed_hosts.ts";
import { defineCommand } from "../command.ts";
import { EDIT_FLAGS, type EditItem, formatEdit, oneOrAll } from "./config_choice.ts";

/** `porthole config remove`: takes our hosts out of ssh's configuration, the rest of it stays byte for byte. */
export const configRemove = defineCommand({
  name: "config remove",
  summary: "Take hosts out of ~/.ssh/config again",
  flags: EDIT_FLAGS,
  positionals: [{ name: "ALIAS", summary: "The host", isOptional: true }],
  async *run({ flags, positionals }, { env, signal }): AsyncGenerator<EditItem, void> {
    const { file, all, "dry-run": isDryRun } = flags;
    const alias = oneOrAll(positionals[0], all);
    const places = configPlaces(env, file);
    const names = (await listHosts(places)).map((host) => host.alias).filter((name) =>
      alias === undefined || name === alias
    );
    if (alias !== undefined && names.length === 0) {
      throw new AppError("not_found", `Cannot find ${JSON.stringify(alias)} in ${JSON.stringify(places.configPath)}`, {
        hint: "porthole config list shows the hosts that were written",
      });
    }
    for (const result of await removeHosts(places, names, { dryRun: isDryRun, signal })) yield { ...result, isDryRun };
  },
  format: formatEdit,
});
