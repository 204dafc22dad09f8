import { oneLine } from "../../base/printable.ts";
import type { HttpAnswer } from "./http.ts";

/** `a web page titled "Console"`, if `answer` is one, whatever it calls itself; else undefined. */
export function describeWebPage({ contentType, text }: Pick<HttpAnswer, "contentType" | "text">): string | undefined {
  if (!contentType.includes("html") && !/^\s*<(?:!doctype|html)/i.test(text)) return undefined;
  const title = /<title[^>]*>([^<]*)</i.exec(text)?.[1]?.trim();
  return title ? `a web page titled ${JSON.stringify(oneLine(title, 80))}` : "a web page";
}
