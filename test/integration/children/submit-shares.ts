// A submitter of a job with an inventory, over the server of AWS_ENDPOINT_URL. Shares have two parts, and time passes 20 times as
// fast, so that the share of a submitter that was killed is taken after 1.5 s.
//
//     node submit-shares.ts JOB MANIFEST

import { Readable } from 'node:stream';
import { systemClock } from '../../../src/app/system-clock.ts';
import { createAwsCloud } from '../../../src/aws/cloud.ts';
import { readJob } from '../../../src/core/job/job-record.ts';
import { announceShares } from '../../../src/upload/bucket/announce-shares.ts';
import { walkInputs } from '../../../src/upload/walk.ts';

const HASTE = 20;
const [id = '', manifest = ''] = process.argv.slice(2);
const clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => HASTE * systemClock.monotonicMs(),
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / HASTE, signal),
};
const cloud = createAwsCloud({ cluster: 'default', inputBucket: 'input', outputBucket: 'output' });
const options = {
  include: [],
  exclude: [],
  stdin: Readable.from([]),
  bucket: cloud.bucket,
  onSkip: () => {},
};
await announceShares(() => walkInputs([manifest], { ...options, clock, random: Math.random }), {
  cloud,
  job: await readJob(cloud.output, id),
  submitter: String(process.pid),
  clock,
  partsOfShare: 2,
});
await cloud.close();
