import { traceOfParent } from '../core/job/trace.ts';

/** The trace that this process continues, from the environment variable `TRACEPARENT`. */
export function environmentTrace(env: NodeJS.ProcessEnv): { trace?: string } {
  const trace = traceOfParent(env.TRACEPARENT);
  return trace === undefined ? {} : { trace };
}
