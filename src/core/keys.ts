/** Every key and queue name of the system. None contains a user's path or file name. */

export const imageKey = (sha256: string): string => `images/${sha256.slice(0, 2)}/${sha256}`;

export const jobPrefix = (job: string): string => `jobs/${job}/`;
export const jobKey = (job: string): string => `jobs/${job}/job.json`;

/** One marker for each job that is not final, so that a controller need not list every job there ever was. */
export const ACTIVE_PREFIX = 'active/';
export const activeKey = (job: string): string => `${ACTIVE_PREFIX}${job}`;

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

export const manifestPrefix = (job: string): string => `jobs/${job}/manifest/`;
export const manifestPartKey = (job: string, part: number): string =>
  `${manifestPrefix(job)}${digits(part, 6)}.ndjson`;
/** What the job has cost in machines: `{ v, usd }`. */
export const jobCostKey = (job: string): string => `jobs/${job}/cost.json`;

/** The part's batches are in the request queue. */
export const announcedKey = (job: string, part: number): string =>
  `${manifestPrefix(job)}${digits(part, 6)}.announced`;

/** Where the outcomes of images `first` to `last`, both included, of one attempt stand. */
export interface ShardRange {
  attempt: number;
  first: number;
  last: number;
}

export const resultsPrefix = (job: string): string => `jobs/${job}/results/`;
export const shardKey = (job: string, { attempt, first, last }: ShardRange): string =>
  `${resultsPrefix(job)}${digits(attempt, 3)}/${digits(first, 9)}-${digits(last, 9)}.ndjson`;

/** The range that a shard's key names, or undefined where the key is none of a shard. */
export function parseShardKey(key: string): ShardRange | undefined {
  const match = /\/results\/(\d{3})\/(\d{9})-(\d{9})\.ndjson$/.exec(key);
  if (match === null) return undefined;
  const range = { attempt: Number(match[1]), first: Number(match[2]), last: Number(match[3]) };
  return range.first <= range.last ? range : undefined;
}

export const modelPrefix = (sha256: string): string => `models/${sha256}/`;

export const FLEET_PREFIX = 'fleet/';
export const workerStatusKey = (workerId: string): string => `${FLEET_PREFIX}${workerId}.json`;
export const CONTROLLER_LOCK_KEY = 'locks/controller.json';
export const CONTROLLER_REPORT_KEY = 'controller/report.json';

export const requestQueueName = (cluster: string): string => `imgcls-${cluster}-request`;
export const deadLetterQueueName = (cluster: string): string => `imgcls-${cluster}-dlq`;
export const responseQueuePrefix = (cluster: string): string => `imgcls-${cluster}-resp-`;
export const responseQueueName = (cluster: string, waiterId: string): string =>
  `${responseQueuePrefix(cluster)}${waiterId}`;

/** A dead letter, kept after its images got their error outcomes. */
export const deadLetterKey = (messageId: string): string => `dlq/${messageId}.json`;
