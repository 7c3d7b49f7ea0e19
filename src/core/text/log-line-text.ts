import { harmless } from './harmless.ts';

interface LogLine {
  time: string;
  level: string;
  msg?: string;
  error?: { message?: string };
  [field: string]: unknown;
}

/** Fields that a person at the terminal knows. */
const LEFT_OUT = new Set(['time', 'level', 'msg', 'error', 'pid', 'cluster', 'trace']);

/** A line of the log for a person: `14:03:22 Worker ready. (worker: 01M8...)`. */
export function logLineText(line: LogLine): string {
  const { time, level, msg = '', error } = line;
  const fields = Object.entries(line).filter(([name]) => !LEFT_OUT.has(name));
  const facts = fields.map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const about = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  const reason = error?.message === undefined ? '' : ` ${error.message}`;
  return harmless(`${localTime(time)} ${LEVELS[level] ?? ''}${msg}${reason}${about}`);
}

const LEVELS: Readonly<Record<string, string>> = {
  warn: 'warning: ',
  error: 'error: ',
  fatal: 'error: ',
};

function localTime(time: string): string {
  const at = new Date(time);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
