/**
 * The trace id of a job, as defined by W3C Trace Context. It is in the job's messages, and in every log line about the job,
 * from its submitter to its last outcome.
 */
import { ulidToUUID } from 'ulid';
import * as z from 'zod';

/** 32 hex digits in lower case. */
export const traceId = z.string().regex(/^[0-9a-f]{32}$/, 'must be a trace id, 32 hex digits');

/** The fields of a message or a record that identify its job. */
interface OfJob {
  job: string;
  trace?: string | undefined;
}

/**
 * The trace of a job: the one given to its submitter, else the 128 bits of the job id, so that messages of an older imgcls
 * have one too. Undefined if the id is not a ULID.
 */
export function traceOf({ job, trace }: OfJob): string | undefined {
  if (trace !== undefined) return trace;
  try {
    return ulidToUUID(job).replaceAll('-', '').toLowerCase();
  } catch {
    return undefined;
  }
}

/** The fields of a log line about a job. */
export const aboutJob = (of: OfJob): OfJob => ({ job: of.job, trace: traceOf(of) });

/** The trace id of a `traceparent`. Undefined if it is not valid: then there is no trace to continue. */
export function traceOfParent(traceparent: string | undefined): string | undefined {
  const [, version, trace, parent] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/.exec(traceparent?.trim() ?? '') ?? [];
  if (version === 'ff' || trace === undefined || /^0+$/.test(trace) || /^0+$/.test(parent ?? ''))
    return undefined;
  return trace;
}

/** A `traceparent` for a callee to continue the trace. @param span 16 hex digits that identify this step of the trace. */
export const traceparent = (trace: string, span: string): string => `00-${trace}-${span}-01`;
