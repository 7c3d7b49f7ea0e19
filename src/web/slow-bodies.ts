import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../core/runtime/clock.ts';
import type { Log } from '../core/runtime/log.ts';
import { BODY_GRACE_MS, MIN_BODY_BYTES_PER_SECOND } from './limits.ts';

const CHECK_INTERVAL_MS = 1000;

/**
 * Closes connections that send a body too slowly (slowloris): below 1 KiB/s on average, not counting the first 15 s
 * and the time in which the service itself does not read.
 */
export function disconnectSlowBodies(app: FastifyInstance, { clock, log }: { clock: Clock; log: Log }): void {
  app.addHook('onRequest', async (request) => {
    const { headers } = request;
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    if (hasBody) watch(request, { clock, log });
  });
}

function watch(
  { id: trace, raw, ip, routeOptions }: FastifyRequest,
  { clock, log }: { clock: Clock; log: Log },
): void {
  const { socket } = raw;
  const bytesBefore = socket.bytesRead;
  let sinceMs = clock.monotonicMs();
  const check = () => {
    // Unread data means that the service, not the sender, is slow.
    if (raw.readableLength > 0 || raw.isPaused()) sinceMs += CHECK_INTERVAL_MS;
    const tookMs = clock.monotonicMs() - sinceMs - BODY_GRACE_MS;
    const minBytes = (tookMs / 1000) * MIN_BODY_BYTES_PER_SECOND;
    if (tookMs <= 0 || socket.bytesRead - bytesBefore >= minBytes) return;
    clearInterval(timer);
    log.warn(
      { trace, ip, route: routeOptions.url, bytes: socket.bytesRead - bytesBefore },
      'Closed a connection: its request body was too slow.',
    );
    socket.destroy();
  };
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  timer.unref();
  raw.once('close', () => clearInterval(timer));
  raw.once('end', () => clearInterval(timer));
}
