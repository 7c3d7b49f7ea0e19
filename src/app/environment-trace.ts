import { traceOfParent } from '../core/job/trace.ts';

/** The trace that this process is part of, where whoever started it says so (`TRACEPARENT`). */
export function environmentTrace(env: NodeJS.ProcessEnv): { trace?: string } {
  const trace = traceOfParent(env.TRACEPARENT);
  return trace === undefined ? {} : { trace };
}
