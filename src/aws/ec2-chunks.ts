/** Verbs of EC2 over any number of instances. */
import { Readable } from 'node:stream';
import { InstancesError } from '../core/aws-account/instances-error.ts';
import { type ImgclsError, isTransient } from '../core/runtime/errors.ts';
import { awsError, hasCode } from './errors.ts';

/** EC2 takes 1,000 ids in a call, and recommends fewer. */
const CHUNK = 500;
/** EC2 lets an account make 50 changing calls at once, and 5 more in each second. */
const CALLS_AT_ONCE = 4;
/** Instances that an error names, at most. */
const NAMED = 5;

interface Failure {
  ids: readonly string[];
  error: ImgclsError;
}

/**
 * Makes one call for each 500 instances. Those that EC2 does not know (any more, or yet) are skipped, and those that an error
 * names are left out of another call for the rest of their chunk. No chunk is begun after a transient error, which the SDK
 * has retried: the next ones would be throttled too.
 * @throws {InstancesError} that names the instances for which it was not done. It was done for all others.
 */
export async function inChunks(
  ids: readonly string[],
  what: string,
  call: (ids: string[]) => Promise<unknown>,
): Promise<void> {
  const failures: Failure[] = [];
  const chunks = Array.from({ length: Math.ceil(ids.length / CHUNK) }, (_, at) =>
    ids.slice(at * CHUNK, (at + 1) * CHUNK),
  );
  await Readable.from(chunks)
    .map(
      async (chunk: readonly string[]) => {
        const transient = failures.find(({ error }) => isTransient(error));
        if (transient === undefined) failures.push(...(await inOneChunk(chunk, what, call)));
        else failures.push({ ids: chunk, error: transient.error });
      },
      { concurrency: CALLS_AT_ONCE },
    )
    .toArray();
  if (failures.length > 0) throw asOneError(failures, ids.length);
}

async function inOneChunk(
  ids: readonly string[],
  what: string,
  call: (ids: string[]) => Promise<unknown>,
): Promise<Failure[]> {
  if (ids.length === 0) return [];
  try {
    await call([...ids]);
    return [];
  } catch (error) {
    const isUnknown = hasCode(error, 'InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed');
    const ours = awsError(error, what);
    const named = new Set(ids.filter((id) => ours.message.includes(id)));
    if (named.size > 0) {
      const others = await inOneChunk(
        ids.filter((id) => !named.has(id)),
        what,
        call,
      );
      return isUnknown ? others : [{ ids: [...named], error: ours }, ...others];
    }
    if (!isUnknown) return [{ ids, error: ours }];
    if (ids.length === 1) return [];
    const middle = Math.ceil(ids.length / 2);
    return [
      ...(await inOneChunk(ids.slice(0, middle), what, call)),
      ...(await inOneChunk(ids.slice(middle), what, call)),
    ];
  }
}

/** Each reason once, with the instances that it holds for. */
function asOneError(failures: readonly Failure[], total: number): InstancesError {
  const byReason = Map.groupBy(failures, ({ error }) => error.message);
  const sentences = [...byReason].map(([message, each]) => {
    const ids = each.flatMap((failure) => failure.ids);
    return ids.length === total ? message : `${message} This concerns ${list(ids)}, of ${total}.`;
  });
  const { error } = failures.find((each) => !isTransient(each.error)) ?? (failures[0] as Failure);
  return new InstancesError(
    error,
    sentences.join(' '),
    failures.flatMap(({ ids }) => ids),
  );
}

function list(ids: readonly string[]): string {
  const named = ids.slice(0, NAMED).join(', ');
  return ids.length > NAMED ? `${named} and ${ids.length - NAMED} more` : named;
}
