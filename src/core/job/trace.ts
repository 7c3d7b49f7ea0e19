/**
 * The trace id of a job, as W3C Trace Context has them: it goes with the job's messages, and stands in every log line
 * about the job, from its submitter to its last outcome.
 */
import { ulidToUUID } from 'ulid';
import * as z from 'zod';

/** 32 hex digits in lower case. */
export const traceId = z.string().regex(/^[0-9a-f]{32}$/, 'must be a trace id, 32 hex digits');

/** What a message or a record says of its job. */
interface OfJob {
  job: string;
  trace?: string | undefined;
}

/**
 * The trace of a job: the one that its submitter was given, else the 128 bits of the job's own id, so that messages of
 * an imgcls that wrote none have one, too. Undefined where the id is no ULID.
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

/** The trace id of a `traceparent`, or undefined where it is none: then there is nothing to go on with. */
export function traceOfParent(traceparent: string | undefined): string | undefined {
  const [, version, trace, parent] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/.exec(traceparent?.trim() ?? '') ?? [];
  if (version === 'ff' || trace === undefined || /^0+$/.test(trace) || /^0+$/.test(parent ?? ''))
    return undefined;
  return trace;
}

/** A `traceparent` that whoever is called can go on with. @param span 16 hex digits that name this step of the trace. */
export const traceparent = (trace: string, span: string): string => `00-${trace}-${span}-01`;
