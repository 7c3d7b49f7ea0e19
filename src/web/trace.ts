// Every request is part of a trace: that of its caller (`traceparent`), or one that begins here.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { traceOfParent, traceparent } from '../core/job/trace.ts';

/** The id of a request is that of its trace. */
export function requestTrace({ headers }: IncomingMessage): string {
  const given = headers.traceparent;
  return traceOfParent(typeof given === 'string' ? given : undefined) ?? randomBytes(16).toString('hex');
}

/** Tells each caller under which trace its request stands in the log. */
export function answerTraces(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ id }, reply) => {
    reply.header('traceparent', traceparent(id, randomBytes(8).toString('hex')));
  });
}
