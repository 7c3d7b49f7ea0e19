import pino from 'pino';
import type { Log } from '../core/runtime/log.ts';
import type { RunSettings } from './settings.ts';

/**
 * Standard error, since standard output is for results alone; synchronous, so that the last words are never lost. One
 * line of JSON each, its time and level in words, as CloudWatch and people read them.
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
