/** The embedded cloud: one folder, no server; submitters, controller and workers open it themselves. */
import { join } from 'node:path';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { BlobFiles } from './blob-files.ts';
import { Changes } from './changes.ts';
import { LocalDatabase } from './database.ts';
import { LocalQueues } from './queue-service.ts';
import { LocalStore } from './store.ts';
import { Sweeper } from './sweeper.ts';

export interface LocalCloudOptions {
  dataDir: string;
  cluster: string;
  /** Leases, delays and times of objects; the system's clock by default. Waiting always takes real time. */
  clock?: Pick<Clock, 'nowMs'>;
}

/**
 * Opens the cluster's embedded cloud, making it where it is missing. Any number of processes may have it open, each may
 * be killed at any moment, and what a call has answered for outlives all of them; after a power loss the last
 * second or so may be missing.
 *
 *     const cloud = createLocalCloud({ dataDir: '/var/lib/imgcls', cluster: 'default' });
 *     await cloud.output.put('jobs/1/job.json', Buffer.from('{}'), { only: 'absent' });
 *     await cloud.close();
 *
 * @throws {ImgclsError} when the folder cannot be used.
 */
export function createLocalCloud({
  dataDir,
  cluster,
  clock = { nowMs: Date.now },
}: LocalCloudOptions): Cloud {
  // It becomes a folder's name.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(cluster)) {
    throw new ImgclsError('config', `${JSON.stringify(cluster)} cannot be a cluster's name.`, {
      hint: 'Use letters, digits, - and _.',
    });
  }
  const folder = join(dataDir, cluster);
  const db = new LocalDatabase(join(folder, 'cloud.db'));
  const files = new BlobFiles(join(folder, 'objects'));
  const sweeper = new Sweeper(db, files, clock);
  const store = (bucket: string): Store => new LocalStore({ bucket, db, files, sweeper, clock });
  const input = store('input');
  const output = store('output');
  return {
    kind: 'local',
    cluster,
    input,
    output,
    queues: new LocalQueues({ db, changes: new Changes(db), clock }),
    bucket(name) {
      const found = [input, output].find(({ bucket }) => bucket === name);
      if (found !== undefined) return found;
      throw new ImgclsError('permanent', `The embedded cloud has no bucket ${name}.`, {
        hint: `Its buckets are ${input.bucket} and ${output.bucket}.`,
      });
    },
    async close() {
      await sweeper.close();
      await db.close();
    },
  };
}
