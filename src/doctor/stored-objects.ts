// Checks that the objects of a cluster are what imgcls writes under their keys. Each reader isolates an object that is not;
// this check names it.

import { Readable } from 'node:stream';
import type { Cloud, ListedObject } from '../core/cloud/ports.ts';
import { listActiveJobs } from '../core/job/job-record.ts';
import { DEAD_LETTERS_PREFIX } from '../core/job/keys.ts';
import { isUnreadable, NewerVersionError, ObjectMissingError } from '../core/runtime/errors.ts';
import { harmless } from '../core/text/harmless.ts';
import { pluralize } from '../core/text/pluralize.ts';
import { actionNeeded, type CheckResult, ok } from './check.ts';
import { type KeyGroups, PLACES, type Place } from './object-kinds.ts';

/** At most so many objects are named; the others are counted. */
const MAX_NAMED = 20;
/** Per prefix: a hundred listings of S3, which take about ten seconds and cost $0.0005. */
const MAX_LISTED = 100_000;
/** Objects read at a time. */
const CONCURRENCY = 8;

type Buckets = Pick<Cloud, 'input' | 'output'>;

/** Checks the keys of all objects, and the content of those that imgcls reads often. */
export async function checkStoredObjects(cloud: Buckets, signal: AbortSignal): Promise<CheckResult> {
  const unfinished = new Set(await Array.fromAsync(listActiveJobs(cloud.output, signal)));
  const named: string[] = [];
  let objects = 0;
  let deadLetters = 0;
  let strange = 0;
  for (const place of PLACES) {
    const check = (object: ListedObject) =>
      problemOf(object, place, { store: cloud[place.bucket], unfinished });
    const problems = Readable.from(firstOf(place, cloud, signal)).map(check, {
      concurrency: CONCURRENCY,
      signal,
    });
    for await (const problem of problems as AsyncIterable<string>) {
      objects++;
      if (place.prefix === DEAD_LETTERS_PREFIX && problem === '') deadLetters++;
      if (problem === '') continue;
      strange++;
      if (named.length < MAX_NAMED) named.push(problem);
    }
  }
  const kept = deadLetters === 0 ? '' : `; ${pluralize(deadLetters, 'dead letter')}: run "imgcls dlq list"`;
  if (strange === 0) return ok(`${pluralize(objects, 'object')}, all of them valid${kept}`);
  const more = strange > named.length ? `\nand ${strange - named.length} more` : '';
  return actionNeeded(
    `${pluralize(strange, 'object')} of ${objects} cannot be read${kept}:\n${named.join('\n')}${more}`,
    'Another program wrote or changed them. Other jobs are not affected.',
  );
}

async function* firstOf({ bucket, prefix }: Place, cloud: Buckets, signal: AbortSignal) {
  let listed = 0;
  for await (const object of cloud[bucket].list(prefix, { signal })) {
    // Consoles create a folder as an empty object whose key ends in a slash.
    if (!object.key.endsWith('/')) yield object;
    if (++listed === MAX_LISTED) return;
  }
}

/** The key, what is wrong, and what to do; '' if the object is valid. */
async function problemOf(
  { key }: ListedObject,
  { kinds, otherwise }: Place,
  { store, unfinished }: { store: Cloud['output']; unfinished: ReadonlySet<string> },
): Promise<string> {
  const kind = kinds.find(({ pattern }) => pattern.test(key));
  if (kind === undefined) return harmless(`${key} is not a key that imgcls writes. ${otherwise}`);
  const groups: KeyGroups = kind.pattern.exec(key)?.groups ?? {};
  if (kind.isReadUntilFinished && !unfinished.has(groups.job ?? '')) return '';
  try {
    await kind.read?.(store, key, groups);
    return '';
  } catch (error) {
    if (error instanceof ObjectMissingError) return '';
    if (!isUnreadable(error)) throw error;
    const remedy = error instanceof NewerVersionError ? error.hint : kind.remedy?.(groups);
    return harmless(`${key}: ${reasonOf(error)} ${remedy}`);
  }
}

/** Without the object, which the line begins with. */
const reasonOf = ({ message, cause }: Error): string => (cause instanceof Error ? cause.message : message);
