import { ROOT_ACTION, type RunReference } from "../targets/resolve_state.ts";
import type { PositionalSpec } from "./command.ts";

/** The words with which commands name a run. */
export const ACTION_WORDS: readonly PositionalSpec[] = [
  { name: "RUN", summary: "The run's name" },
  { name: "ACTION", summary: `One of the run's actions (default ${ROOT_ACTION})`, isOptional: true },
];

/** The run that {@link ACTION_WORDS} name. */
export function runReference([runName = "", actionName = ROOT_ACTION]: readonly string[]): RunReference {
  return { runName, actionName };
}
