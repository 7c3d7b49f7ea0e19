/** The embedded cloud: one folder and no server. Submitters, controller and workers open it themselves. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Cloud, Store } from '../core/cloud/ports.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { KnownProcesses } from '../core/runtime/located-process.ts';
import { BlobFiles } from './blob-files.ts';
import { Changes } from './changes.ts';
import { LocalDatabase } from './database.ts';
import { FilesInPlace } from './files-in-place.ts';
import { forgetJob } from './forget.ts';
import { knownImagesOf } from './known-images.ts';
import { type LeaseClock, systemLeaseClock } from './lease-clock.ts';
import { LeaseHolders } from './lease-holders.ts';
import { LocalQueues } from './queue-service.ts';
import { Reserve } from './reserve.ts';
import { searchIndexOf } from './search-index.ts';
import { LocalStore } from './store.ts';
import { Sweeper } from './sweeper.ts';

/** The buckets of an existing embedded cloud, to be read only. Undefined if nothing was ever stored. */
export function openLocalBuckets({
  dataDir,
  cluster,
}: Pick<LocalCloudOptions, 'dataDir' | 'cluster'>):
  | (Pick<Cloud, 'input' | 'output'> & { close(): Promise<void> })
  | undefined {
  const folder = join(dataDir, cluster);
  const file = join(folder, 'cloud.db');
  if (!existsSync(file)) return undefined;
  const db = LocalDatabase.openReadOnly(file);
  const files = new BlobFiles(join(folder, 'objects'));
  const clock = { nowMs: Date.now };
  const reserve = new Reserve(join(folder, 'reserve'));
  const sweeper = new Sweeper({ db, files, reserve, clock });
  const store = (bucket: string): Store => new LocalStore({ bucket, db, files, sweeper, reserve, clock });
  return { input: store('input'), output: store('output'), close: () => db.close() };
}

export interface LocalCloudOptions {
  dataDir: string;
  cluster: string;
  /** For times of objects and the age of messages; default: the system's clock. */
  clock?: Pick<Clock, 'nowMs'>;
  /** For leases and delays; default: the machine's. Waits always use real time. */
  leaseClock?: LeaseClock;
  /** Absent: leases of processes that have ended expire like others. */
  processes?: KnownProcesses | undefined;
  /** How long a call retries while another process locks the database (default 10 s). */
  busyTimeoutMs?: number;
}

/**
 * Opens the cluster's embedded cloud; creates it if it does not exist. Any number of processes may have it open, and each
 * may be killed at any moment: what a call has stored survives them. After a power loss about the last second may be
 * missing.
 *
 *     const cloud = createLocalCloud({ dataDir: '/var/lib/imgcls', cluster: 'default' });
 *     await cloud.output.put('jobs/1/job.json', Buffer.from('{}'), { only: 'absent' });
 *     await cloud.close();
 *
 * @throws {ImgclsError} if the folder cannot be used.
 */
export function createLocalCloud({
  dataDir,
  cluster,
  clock = { nowMs: Date.now },
  leaseClock = systemLeaseClock(),
  processes,
  busyTimeoutMs,
}: LocalCloudOptions): Cloud {
  // The cluster's name becomes the name of a folder.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(cluster)) {
    throw new ImgclsError('config', `Invalid cluster name ${JSON.stringify(cluster)}.`, {
      hint: 'Use up to 64 letters, digits, - and _, with a letter or digit first.',
    });
  }
  const folder = join(dataDir, cluster);
  const db = LocalDatabase.open(join(folder, 'cloud.db'), leaseClock.boot, busyTimeoutMs);
  const files = new BlobFiles(join(folder, 'objects'));
  const reserve = new Reserve(join(folder, 'reserve'));
  const sweeper = new Sweeper({ db, files, reserve, clock });
  const store = (bucket: string): Store => new LocalStore({ bucket, db, files, sweeper, reserve, clock });
  const changes = new Changes(db);
  const holders = new LeaseHolders(db, changes, processes);
  const input = store('input');
  const output = store('output');
  const inPlace = new FilesInPlace();
  return {
    kind: 'local',
    cluster,
    input,
    output,
    queues: new LocalQueues({ db, changes, clock, leaseClock, holders }),
    known: knownImagesOf(db),
    search: searchIndexOf(db),
    processes,
    bucket(name) {
      const found = [input, output, inPlace].find(({ bucket }) => bucket === name);
      if (found !== undefined) return found;
      throw new ImgclsError('permanent', `The embedded cloud has no bucket ${name}.`, {
        hint: `Its buckets are ${input.bucket} and ${output.bucket}.`,
      });
    },
    forget: (job, signal) => forgetJob({ db, sweeper, reserve }, job, signal),
    async close() {
      await sweeper.close();
      // If it fails, what is hidden is redelivered earlier. The command itself has succeeded.
      await holders.keepOwnHidden().catch(() => {});
      await db.close();
    },
  };
}
