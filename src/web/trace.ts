// Each request belongs to a trace: its caller's (`traceparent`), or a new one.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { traceOfParent, traceparent } from '../core/job/trace.ts';

/** The request id: the trace id. */
export function traceIdOf({ headers }: IncomingMessage): string {
  const header = headers.traceparent;
  return traceOfParent(typeof header === 'string' ? header : undefined) ?? randomBytes(16).toString('hex');
}

/** Adds a `traceparent` header to each response, by which its request is found in the log. */
export function addTraceHeader(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ id }, reply) => {
    reply.header('traceparent', traceparent(id, randomBytes(8).toString('hex')));
  });
}
