import { parse } from "yaml";
import { AppError, describeError } from "../../base/errors.ts";
import { oneLine } from "../../base/printable.ts";
import { asMessage, type Message } from "./wire.ts";

const HINT = "It must be YAML with admin.endpoint in it; another one is named with --config FILE";

/** The mapping at the top of a YAML file; empty for an empty file. @throws AppError `not_found`, `config_invalid`. */
export async function readYamlFile(path: string): Promise<Message> {
  const text = await Deno.readTextFile(path).catch((error: unknown) => {
    const found = error instanceof Deno.errors.NotFound ? "it does not exist" : describeError(error);
    throw new AppError("not_found", `Cannot read the configuration ${JSON.stringify(path)}: ${found}`, {
      hint: HINT,
      cause: error,
    });
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    // The first line alone: what follows it quotes the file, which may hold a secret.
    const reason = oneLine(describeError(error));
    throw new AppError("config_invalid", `Cannot read the configuration ${JSON.stringify(path)}: ${reason}`, {
      hint: HINT,
    });
  }
  if (value === null || value === undefined || (typeof value === "object" && !Array.isArray(value))) {
    return asMessage(value);
  }
  throw new AppError("config_invalid", `Cannot read the configuration ${JSON.stringify(path)}: no mapping in it`, {
    hint: HINT,
  });
}
