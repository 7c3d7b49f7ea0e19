import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { Store } from '../../core/cloud/ports.ts';
import { CONTROLLER_LOCK_KEY } from '../../core/job/keys.ts';
import {
  type ModelList,
  modelList,
  type ServerView,
  type StatusBody,
  serverView,
  statusView,
} from '../api.ts';
import { SESSION_COOKIE, SESSION_SECONDS, type TokenCheck } from '../guard.ts';
import type { Metrics } from '../metrics.ts';
import { COMMON_STATUSES, HttpProblem, problemResponses } from '../problem.ts';

export interface SystemOptions {
  output: Store;
  token: TokenCheck | undefined;
  server(): Promise<ServerView>;
  readStatus(): Promise<StatusBody>;
  readModels(): Promise<ModelList>;
  metrics: Metrics;
}

const READY_TIMEOUT_MS = 5000;
const COOKIE = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

/** The service, the cluster's status, and health checks. */
export function systemRoutes(plain: FastifyInstance, options: SystemOptions): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.route({
    method: 'GET',
    url: '/v1/server',
    schema: {
      operationId: 'getServer',
      tags: ['system'],
      summary: 'Get the version, limits and defaults of the service',
      response: { 200: serverView, ...problemResponses(...COMMON_STATUSES) },
    },
    handler: async () => await options.server(),
  });
  app.route({
    method: 'GET',
    url: '/v1/status',
    schema: {
      operationId: 'getStatus',
      tags: ['system'],
      summary: 'Get the status of queues, workers and controller, and the last day',
      response: { 200: statusView, ...problemResponses(...COMMON_STATUSES) },
    },
    handler: async () => await options.readStatus(),
  });
  app.route({
    method: 'GET',
    url: '/v1/models',
    schema: {
      operationId: 'listModels',
      tags: ['system'],
      summary: 'List the models that a job can use',
      response: { 200: modelList, ...problemResponses(...COMMON_STATUSES) },
    },
    handler: async () => await options.readModels(),
  });
  app.route({
    method: 'POST',
    url: '/v1/session',
    schema: {
      operationId: 'openSession',
      tags: ['system'],
      summary: 'Exchange the token for a session cookie, valid for a week',
      security: [],
      body: z.strictObject({ token: z.string().max(256) }),
      response: {
        204: z.void().describe('The cookie was set.'),
        ...problemResponses(...COMMON_STATUSES, 413, 415),
      },
    },
    async handler(request, reply) {
      const { body, headers } = request;
      const { token } = options;
      await token?.require(request, body.token);
      if (token !== undefined) {
        // Behind a TLS proxy the browser sends the cookie over TLS only. A false header affects only its sender.
        const secure = headers['x-forwarded-proto'] === 'https';
        const cookie = { ...COOKIE, secure, maxAge: SESSION_SECONDS };
        reply.setCookie(SESSION_COOKIE, token.newSession(), cookie);
      }
      return reply.code(204).send();
    },
  });
  app.route({
    method: 'DELETE',
    url: '/v1/session',
    schema: {
      operationId: 'closeSession',
      tags: ['system'],
      summary: 'Delete the session cookie',
      security: [],
      response: {
        204: z.void().describe('The cookie was deleted.'),
        ...problemResponses(...COMMON_STATUSES, 413, 415),
      },
    },
    handler: async (_request, reply) => await reply.clearCookie(SESSION_COOKIE, COOKIE).code(204).send(),
  });
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { rateLimit: false },
    schema: {
      operationId: 'isAlive',
      tags: ['system'],
      summary: 'Liveness check: the process is running',
      security: [],
      response: { 200: z.object({ status: z.literal('ok') }), ...problemResponses(421) },
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
      summary: 'Readiness check: the cloud responds',
      security: [],
      response: { 200: z.object({ status: z.literal('ready') }), ...problemResponses(421, 500, 503) },
    },
    async handler() {
      try {
        await options.output.head(CONTROLLER_LOCK_KEY, AbortSignal.timeout(READY_TIMEOUT_MS));
      } catch (error) {
        // The reason names folders and hosts, and strangers can ask.
        throw new HttpProblem(503, 'The cloud does not respond.', { cause: error });
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
      summary: 'Get metrics of this process and of the cluster for Prometheus',
      response: {
        200: { description: 'Prometheus text format.', content: { 'text/plain': { schema: z.string() } } },
        ...problemResponses(...COMMON_STATUSES),
      },
    } as never,
    async handler(_request, reply) {
      const { type, text } = await options.metrics.expose();
      return reply.type(type).serializer(String).send(text);
    },
  });
}
