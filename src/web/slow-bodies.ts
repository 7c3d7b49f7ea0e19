import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Clock } from '../core/runtime/clock.ts';
import type { Log } from '../core/runtime/log.ts';

/** A body may take its time, but not all of ours. */
const GRACE_MS = 15_000;
const LEAST_BYTES_PER_SECOND = 1024;
const LOOK_MS = 1000;

/**
 * Cuts off whoever sends a body more slowly than any line does: after a grace, a kilobyte a second on the whole. Time in
 * which the service itself does not read counts for nobody.
 */
export function cutSlowBodies(app: FastifyInstance, { clock, log }: { clock: Clock; log: Log }): void {
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
  const look = () => {
    // What we have not taken yet is not the sender's delay.
    if (raw.readableLength > 0 || raw.isPaused()) sinceMs += LOOK_MS;
    const tookMs = clock.monotonicMs() - sinceMs - GRACE_MS;
    const wanted = (tookMs / 1000) * LEAST_BYTES_PER_SECOND;
    if (tookMs <= 0 || socket.bytesRead - bytesBefore >= wanted) return;
    clearInterval(timer);
    log.warn(
      { trace, ip, route: routeOptions.url, bytes: socket.bytesRead - bytesBefore },
      'A body came too slowly and was cut off.',
    );
    socket.destroy();
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  raw.once('close', () => clearInterval(timer));
  raw.once('end', () => clearInterval(timer));
}
