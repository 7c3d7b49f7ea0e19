import { hash } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { HttpProblem } from './problem.ts';

/** The caller disconnected and will not read this response. */
export const callerGone = (): HttpProblem => new HttpProblem(400, 'The client disconnected.');

/**
 * The address that limits count for: an IPv4 address, or an IPv6 network of 64 bits, as one machine has it.
 * @throws {HttpProblem} if the connection is closed: it has no address then.
 */
export function callerOf({ ip, raw }: FastifyRequest): string {
  if (raw.socket.destroyed) throw callerGone();
  return rateLimit.normalizeIP(ip);
}

/** Names of callers for queues and workers. They do not reveal the callers' addresses. */
export const callerNames =
  (secret: string) =>
  (request: FastifyRequest): string =>
    hash('sha256', `${secret} ${callerOf(request)}`);
