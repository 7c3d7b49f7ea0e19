import * as z from 'zod';
import { NewerVersionError, PoisonError } from './errors.ts';

/** The format of the JSON documents that this imgcls writes. */
export const FORMAT = 1;

/** The `v` field of every JSON document. */
export const formatVersion = z.literal(FORMAT);

/**
 * Parses one JSON document.
 * @param what the kind of document, for the error ("request message").
 * @param known the newest format of such documents.
 * @throws {PoisonError} when it is not JSON or has the wrong format.
 * @throws {NewerVersionError} when a newer imgcls wrote it.
 */
export const parseVersioned = <T>(schema: z.ZodType<T>, text: string, what: string, known = FORMAT): T =>
  checkVersioned(schema, parseJson(text, what), what, known);

/** @throws {PoisonError} when it is not JSON. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PoisonError(`The ${what} is not JSON.`, cause);
  }
}

/** As {@link parseVersioned}, for parsed JSON. */
export function checkVersioned<T>(schema: z.ZodType<T>, value: unknown, what: string, known = FORMAT): T {
  const found = (value as { v?: unknown } | null)?.v;
  if (typeof found === 'number' && found > known) throw new NewerVersionError(what, { found, known });
  // zod's compiler takes longer than it saves: most processes parse few documents.
  const parsed = schema.safeParse(value, { jitless: true });
  if (!parsed.success)
    throw new PoisonError(`The ${what} has the wrong format: ${firstIssue(parsed.error)}.`);
  return parsed.data;
}

/** The first problem of a failed parse, as `path: message`. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unknown' : `${issue.path.join('.') || 'document'}: ${issue.message}`;
}
