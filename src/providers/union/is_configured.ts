import type { Environment } from "../../base/home.ts";
import { findConfigFile } from "./config_file.ts";
import { asMessage } from "./wire.ts";
import { readYamlFile } from "./yaml_file.ts";

/**
 * True when this user has anything that says which Union or Flyte deployment is theirs: a key, an endpoint, or a
 * configuration that names one.
 *
 * @throws AppError `config_invalid` for a configuration that cannot be read.
 */
export async function isUnionConfigured(env: Environment, cwd: string): Promise<boolean> {
  if (env.FLYTE_API_KEY || env.FLYTE_ADMIN_ENDPOINT) return true;
  const location = await findConfigFile({ env, cwd });
  return location !== undefined && !!asMessage((await readYamlFile(location.path)).admin).endpoint;
}
