/**
 * What is thrown in the engine's context, on its way to the page.
 */
import type { ErrorFields } from "./errors.js";

/** Whether something thrown is an engine's report. */
function isErrorFields(thrown: unknown): thrown is ErrorFields {
  return (
    typeof thrown === "object" &&
    thrown !== null &&
    typeof (thrown as ErrorFields).code === "string" &&
    typeof (thrown as ErrorFields).message === "string"
  );
}

/** Whatever was thrown as fields that can be posted. */
export function toFields(thrown: unknown): ErrorFields {
  if (isErrorFields(thrown)) {
    const { code, message, retryable, needsReload, at, length } = thrown;
    const position = typeof at === "number" && typeof length === "number" && { at, length };
    return { code, message, retryable: retryable === true, needsReload: needsReload === true, ...position };
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: "Backend", message: `the storage backend failed: ${message}`, retryable: false, needsReload: false };
}
