import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { callerOf } from './caller.ts';
import { type ServiceLimits, WRONG_TOKENS_PER_MINUTE } from './limits.ts';
import { HttpProblem } from './problem.ts';

const MINUTE_MS = 60_000;

/** Limits the requests of each address. Register it before all checks, so that refused requests count as well. */
export async function limitRequests(
  app: FastifyInstance,
  { requestsPerMinute }: ServiceLimits,
): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    max: requestsPerMinute,
    timeWindow: MINUTE_MS,
    keyGenerator: callerOf,
  });
  const count = app.rateLimit();
  app.addHook('onRequest', async function countRequest(request, reply) {
    if (request.routeOptions.config.rateLimit !== false) await count.call(this, request, reply);
  });
}

/** Wrong tokens by address. */
export interface WrongTokens {
  /** @throws {HttpProblem} if the address has sent too many: whatever it sends now is not looked at. */
  refuseGuesser(request: FastifyRequest): Promise<void>;
  add(request: FastifyRequest): Promise<void>;
}

/** Call it after {@link limitRequests}. */
export function countWrongTokens(app: FastifyInstance): WrongTokens {
  const count = app.createRateLimit({ max: WRONG_TOKENS_PER_MINUTE, timeWindow: MINUTE_MS });
  return {
    async refuseGuesser(request) {
      const wrong = await count(request, { increment: false });
      if (wrong.isAllowed || wrong.remaining > 0) return;
      throw new HttpProblem(429, 'Your address sent too many wrong tokens.', {
        headers: { 'retry-after': String(wrong.ttlInSeconds) },
      });
    },
    async add(request) {
      await count(request);
    },
  };
}
