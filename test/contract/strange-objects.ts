/** Objects as another program, or a person with an editor, may leave them under the prefixes that imgcls reads. */
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { JOB_FORMAT, type NewJob } from '../../src/core/job/job.ts';

export interface StrangeObject {
  bucket: 'input' | 'output';
  key: string;
  text: string;
}

const output = (key: string, text = 'not JSON'): StrangeObject => ({ bucket: 'output', key, text });

/** Jobs of these ids have records that cannot be read. */
export const UNREADABLE_JOBS = {
  edited: '01ARZ3NDEKTSV4RRFFQ69G5FA0',
  copied: '01ARZ3NDEKTSV4RRFFQ69G5FA1',
  newer: '01ARZ3NDEKTSV4RRFFQ69G5FA2',
} as const;

/** @param sound a record that is copied to another job's key. */
export function unreadableJobs(sound: NewJob): StrangeObject[] {
  const { edited, copied, newer } = UNREADABLE_JOBS;
  return [
    output(`jobs/${edited}/job.json`, JSON.stringify({ ...sound, id: edited, state: 'almost done' })),
    output(`jobs/${copied}/job.json`, JSON.stringify(sound)),
    output(`jobs/${newer}/job.json`, JSON.stringify({ ...sound, v: JOB_FORMAT + 1, id: newer })),
  ];
}

/** One or more in each prefix. */
export const STRANGE_OBJECTS: readonly StrangeObject[] = [
  output('active/garbage'),
  output('jobs/notes/todo.txt'),
  output('fleet/garbage.json'),
  output('fleet/garbage'),
  output('locks/garbage'),
  output('controller/report.json'),
  output('controller/history.json', '{"v":2}'),
  output('dlq/garbage.json'),
  output('idempotency/garbage'),
  { bucket: 'input', key: 'images/garbage', text: 'not an image' },
];

export async function putStrange(cloud: Pick<Cloud, 'input' | 'output'>, objects: readonly StrangeObject[]) {
  for (const { bucket, key, text } of objects) await cloud[bucket].put(key, Buffer.from(text));
}
