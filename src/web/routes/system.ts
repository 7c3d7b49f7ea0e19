import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_LOCK_KEY } from '../../core/job/keys.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import {
  type ModelList,
  modelList,
  type ServerView,
  type StatusBody,
  serverView,
  statusView,
} from '../api.ts';
import { SESSION_COOKIE, type Token } from '../guard.ts';
import type { Metrics } from '../metrics.ts';
import { COMMON, HttpProblem, problems } from '../problem.ts';

export interface SystemOptions {
  output: Store;
  token: Token | undefined;
  server(): Promise<ServerView>;
  readStatus(): Promise<StatusBody>;
  readModels(): Promise<ModelList>;
  metrics: Metrics;
}

const READY_WITHIN_MS = 5000;

/** What the service is, how the cluster is, and whether both are well. */
export function systemRoutes(plain: FastifyInstance, options: SystemOptions): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/server',
    schema: {
      operationId: 'getServer',
      tags: ['system'],
      summary: 'What the service is and what it takes',
      response: { 200: serverView, ...problems(...COMMON) },
    },
    handler: async () => await options.server(),
  });
  app.route({
    method: 'GET',
    url: '/v1/status',
    schema: {
      operationId: 'getStatus',
      tags: ['system'],
      summary: 'Queues, workers, the controller and its reason, and the last hour',
      response: { 200: statusView, ...problems(...COMMON) },
    },
    handler: async () => await options.readStatus(),
  });
  app.route({
    method: 'GET',
    url: '/v1/models',
    schema: {
      operationId: 'listModels',
      tags: ['system'],
      summary: 'The models that a job may name',
      response: { 200: modelList, ...problems(...COMMON) },
    },
    handler: async () => await options.readModels(),
  });
  app.route({
    method: 'POST',
    url: '/v1/session',
    // Guesses are few.
    config: { rateLimit: { max: 20, timeWindow: 60_000 } },
    schema: {
      operationId: 'openSession',
      tags: ['system'],
      summary: 'Trade the token for a cookie, as the page does',
      security: [],
      body: z.strictObject({ token: z.string().max(256) }),
      response: { 204: z.void().describe('The cookie is set.'), ...problems(...COMMON, 413, 415) },
    },
    async handler({ body, headers }, reply) {
      const { token } = options;
      if (token !== undefined && !token.isToken(body.token))
        throw new HttpProblem(401, 'The token is wrong.');
      if (token !== undefined) {
        // Behind what ends TLS, the browser sends it by TLS alone. Whoever lies about that harms nobody else.
        const secure = headers['x-forwarded-proto'] === 'https';
        const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
        reply.setCookie(SESSION_COOKIE, token.session, cookie);
      }
      return reply.code(204).send();
    },
  });
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { rateLimit: false },
    schema: {
      operationId: 'isAlive',
      tags: ['system'],
      summary: 'The process is there',
      security: [],
      response: { 200: z.object({ status: z.literal('ok') }), ...problems(421) },
    },
    handler: async () => ({ status: 'ok' as const }),
  });
  app.route({
    method: 'GET',
    url: '/readyz',
    config: { rateLimit: false },
    schema: {
      operationId: 'isReady',
      tags: ['system'],
      summary: 'The cloud answers',
      security: [],
      response: { 200: z.object({ status: z.literal('ready') }), ...problems(421, 500, 503) },
    },
    async handler() {
      try {
        await options.output.head(CONTROLLER_LOCK_KEY, AbortSignal.timeout(READY_WITHIN_MS));
      } catch (error) {
        throw new HttpProblem(503, `The cloud does not answer: ${messageOf(error)}`, { cause: error });
      }
      return { status: 'ready' as const };
    },
  });
  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      operationId: 'getMetrics',
      tags: ['system'],
      summary: 'Figures of this process and of the cluster, for Prometheus',
      response: {
        200: { description: 'Prometheus text.', content: { 'text/plain': { schema: z.string() } } },
        ...problems(...COMMON),
      },
    } as never,
    async handler(_request, reply) {
      const { type, text } = await options.metrics.expose();
      return reply.type(type).serializer(String).send(text);
    },
  });
}
