import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { StatusBody } from './api.ts';
import type { JobHub } from './job-hub.ts';

export interface Metrics {
  expose(): Promise<{ type: string; text: string }>;
}

/** Prometheus metrics: the requests of this process, and the cluster's state from `GET /v1/status`. */
export function createMetrics(
  app: FastifyInstance,
  { readStatus, hub }: { readStatus(): Promise<StatusBody>; hub: JobHub },
): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const seconds = new Histogram({
    name: 'imgcls_http_request_duration_seconds',
    help: 'Time to the end of the response, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [register],
  });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `imgcls_${name}`, help, labelNames, registers: [register] });
  const streams = gauge('event_streams', 'Open event streams of this process.');
  const messages = gauge('queue_messages', "Messages in the cluster's queues; absent if unknown.", [
    'queue',
    'state',
  ]);
  const workers = gauge('workers', 'Workers of the cluster by phase; absent if unknown.', ['phase']);
  const rate = gauge('images_per_second', 'Current throughput of the fleet; absent if unknown.');
  app.addHook('onResponse', async (request, reply) => {
    const { url: route = 'none' } = request.routeOptions;
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
  return {
    async expose() {
      streams.set(hub.subscribers);
      // An unknown value must be absent: the previous one would look current.
      for (const each of [messages, workers, rate]) each.reset();
      const status = await readStatus();
      for (const [queue, depth] of [
        ['requests', status.requests],
        ['dead_letters', status.deadLetters],
      ] as const) {
        if ('unknown' in depth) continue;
        messages.set({ queue, state: 'waiting' }, depth.waiting);
        messages.set({ queue, state: 'in_flight' }, depth.inFlight);
        messages.set({ queue, state: 'delayed' }, depth.delayed);
      }
      if (!('unknown' in status.workers)) {
        for (const phase of ['booting', 'idle', 'busy', 'draining', 'stopped'])
          workers.set({ phase }, status.workers.filter((worker) => worker.phase === phase).length);
      }
      if (typeof status.imagesPerSecond === 'number') rate.set(status.imagesPerSecond);
      else rate.remove();
      return { type: register.contentType, text: await register.metrics() };
    },
  };
}
