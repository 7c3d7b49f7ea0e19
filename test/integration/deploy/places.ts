// The place in buckets and queues that each function of src/core/job/keys.ts names.

import { FIRST_ATTEMPT } from '../../../src/core/job/job.ts';
import * as keys from '../../../src/core/job/keys.ts';

const CLUSTER = 'default';
const JOB = '01M831J8A74S31BMAWYB97FNG7';
const SHA256 = '0'.repeat(64);
const range = { attempt: FIRST_ATTEMPT, first: 0, last: 15 };
const part = { attempt: FIRST_ATTEMPT, part: 0 };

const input = (key: string) => `<InputBucket.Arn>/${key}`;
const output = (key: string) => `<OutputBucket.Arn>/${key}`;
const queue = (name: string) => `arn:aws:sqs:us-east-1:123456789012:${name}`;

/** An example of each place, as the policies of the template name it. */
const PLACES: Readonly<Record<string, string>> = {
  IMAGES_PREFIX: input(`${keys.IMAGES_PREFIX}00/${SHA256}`),
  imageKey: input(keys.imageKey(SHA256)),
  CLASSIFY_PREFIX: input(`${keys.CLASSIFY_PREFIX}id`),
  classifyKey: input(keys.classifyKey('id')),
  classifyWordsKey: input(keys.classifyWordsKey('id')),
  DROP_PREFIX: input('drop/cat.jpg'),
  JOBS_PREFIX: output(`${keys.JOBS_PREFIX}${JOB}/job.json`),
  jobPrefix: output(`${keys.jobPrefix(JOB)}job.json`),
  jobKey: output(keys.jobKey(JOB)),
  wordsKey: output(keys.wordsKey(JOB)),
  jobCostKey: output(keys.jobCostKey(JOB)),
  manifestPrefix: output(`${keys.manifestPrefix(JOB, FIRST_ATTEMPT)}000000.ndjson`),
  manifestPartKey: output(keys.manifestPartKey(JOB, part)),
  announcedKey: output(keys.announcedKey(JOB, part)),
  shareKey: output(keys.shareKey(JOB, 0)),
  resultsPrefix: output(`${keys.resultsPrefix(JOB)}001/0-1.ndjson`),
  attemptPrefix: output(`${keys.attemptPrefix(JOB, FIRST_ATTEMPT)}0-1.ndjson`),
  shardKey: output(keys.shardKey(JOB, range)),
  errorsPrefix: output(`${keys.errorsPrefix(JOB)}001/0-1-01`),
  errorsKey: output(keys.errorsKey(JOB, range, 1)),
  begunKey: output(keys.begunKey({ job: JOB, range })),
  returnedPrefix: output(`${keys.returnedPrefix(JOB, range)}worker`),
  returnedKey: output(keys.returnedKey(JOB, range, 'worker')),
  ACTIVE_PREFIX: output(`${keys.ACTIVE_PREFIX}${JOB}`),
  activeKey: output(keys.activeKey(JOB)),
  MODELS_PREFIX: output(`${keys.MODELS_PREFIX}${SHA256}/model.json`),
  modelPrefix: output(`${keys.modelPrefix(SHA256)}model.json`),
  FLEET_PREFIX: output(`${keys.FLEET_PREFIX}worker.json`),
  workerStatusKey: output(keys.workerStatusKey('worker')),
  CONTROLLER_LOCK_KEY: output(keys.CONTROLLER_LOCK_KEY),
  CONTROLLER_REPORT_KEY: output(keys.CONTROLLER_REPORT_KEY),
  CONTROLLER_HISTORY_KEY: output(keys.CONTROLLER_HISTORY_KEY),
  CONTROLLER_ARRIVALS_KEY: output(keys.CONTROLLER_ARRIVALS_KEY),
  CLUSTER_SETTINGS_KEY: output(keys.CLUSTER_SETTINGS_KEY),
  MODEL_RATES_KEY: output(keys.MODEL_RATES_KEY),
  IDEMPOTENCY_PREFIX: output(`${keys.IDEMPOTENCY_PREFIX}digest.json`),
  idempotencyKey: output(keys.idempotencyKey('digest')),
  DEAD_LETTERS_PREFIX: output(`${keys.DEAD_LETTERS_PREFIX}letter.json`),
  deadLetterKey: output(keys.deadLetterKey('letter')),
  requestQueueName: queue(keys.requestQueueName(CLUSTER)),
  interactiveQueueName: queue(keys.interactiveQueueName(CLUSTER)),
  deadLetterQueueName: queue(keys.deadLetterQueueName(CLUSTER)),
  responseQueuePrefix: queue(`${keys.responseQueuePrefix(CLUSTER)}waiter`),
  responseQueueName: queue(keys.responseQueueName(CLUSTER, 'waiter')),
};

/** Exports of src/core/job/keys.ts that name no place. */
const NO_PLACES = [
  'digits',
  'isResponseQueue',
  'parsePartKey',
  'parseErrorsKey',
  'parseShardKey',
  'MAX_SHARD_IMAGES',
];

/** @throws for a name that is not listed here. */
export const placesOf = (names: Iterable<string>, except: readonly string[]): string[] =>
  [...names]
    .filter((name) => !NO_PLACES.includes(name) && !except.includes(name))
    .map((name) => {
      const place = PLACES[name];
      if (place === undefined)
        throw new Error(`Unknown place of ${name}. Add it to ${import.meta.filename}.`);
      return place;
    });

const QUEUES: Readonly<Record<string, string>> = {
  '<RequestQueue.Arn>': queue(keys.requestQueueName(CLUSTER)),
  '<InteractiveQueue.Arn>': queue(keys.interactiveQueueName(CLUSTER)),
  '<DeadLetterQueue.Arn>': queue(keys.deadLetterQueueName(CLUSTER)),
};

/** Whether a policy's resource, with `*` for any text, covers a place. */
export function covers(resource: string, place: string): boolean {
  const pattern = (QUEUES[resource] ?? resource).replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${pattern}$`).test(place);
}

/** Whether a resource is a place in one of the cluster's buckets, or a queue. */
export const isPlace = (resource: string): boolean =>
  /^<(In|Out)putBucket\.Arn>\/|^<\w+Queue\.Arn>$|:sqs:/.test(resource);
