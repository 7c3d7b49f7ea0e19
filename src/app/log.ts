import pino from 'pino';
import type { Log } from '../core/runtime/log.ts';
import type { RunSettings } from './settings.ts';

/**
 * Logs to standard error, as standard output is for results. Writes are synchronous, so that the last lines before an
 * exit are not lost. Each line is JSON with an ISO time and a level name, as CloudWatch expects.
 */
export function openLog({ logLevel, cluster }: RunSettings): Log {
  return pino(
    {
      level: logLevel,
      base: { pid: process.pid, cluster },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
