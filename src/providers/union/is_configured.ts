import type { Environment } from "../../base/home.ts";
import { findConfigFile } from "./config_file.ts";

/** True when this user has anything that says which Union or Flyte deployment is theirs. */
export async function isUnionConfigured(env: Environment, cwd: string): Promise<boolean> {
  if (env.FLYTE_API_KEY || env.FLYTE_ADMIN_ENDPOINT) return true;
  return await findConfigFile({ env, cwd }) !== undefined;
}
