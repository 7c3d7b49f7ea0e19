import pino from 'pino';
import type { Log } from '../core/runtime/log.ts';
import { logLineText } from '../core/text/log-line-text.ts';
import type { RunSettings } from './settings.ts';

/**
 * Logs to standard error, as standard output is for results. Writes are synchronous, so that the last lines before an
 * exit are not lost. Each line is JSON with an ISO time and a level name, as CloudWatch expects; on a terminal it is text.
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
    process.stderr.isTTY ? textStream : pino.destination({ fd: 2, sync: true }),
  );
}

const textStream = {
  write: (line: string): void => void process.stderr.write(`${logLineText(JSON.parse(line))}\n`),
};
