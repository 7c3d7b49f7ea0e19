/** The service without a socket, for requests that a test makes up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { ulid } from 'ulid';
import { systemClock } from '../../../src/app/system-clock.ts';
import type { Client } from '../../../src/client/client.ts';
import { MAX_PACK_BYTES } from '../../../src/core/job/batches.ts';
import { createJob } from '../../../src/core/job/job-record.ts';
import { requestQueueName } from '../../../src/core/job/keys.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { hasWords } from '../../../src/photos/find/words.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { NOTHING_ANNOUNCED, uploadImages } from '../../../src/upload/submit.ts';
import { type AppOptions, createApp } from '../../../src/web/app.ts';
import { SAMPLES_DIR } from '../model/support.ts';
import { MODEL } from '../worker-harness.ts';

export const LIMITS = {
  imageBytes: 2000,
  requestBytes: 100_000,
  files: 20,
  classifyBytes: 1_000_000,
  classifyTimeoutMs: 10_000,
  streams: 4,
  requestsPerMinute: 1_000_000,
};

export interface LogLine {
  level: 'warn' | 'error';
  fields: Record<string, unknown>;
}

/** @param client answers for the cluster. Complete uploads end at the model: none is installed. */
export async function openService(client: Partial<Client>, options: Partial<AppOptions> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-service-'));
  const cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
  const lines: LogLine[] = [];
  const write = (level: LogLine['level']) => (fields: object) => {
    lines.push({ level, fields: fields as LogLine['fields'] });
  };
  const noModel = () => Promise.reject(new ImgclsError('usage', 'No model is installed.'));
  const app = await createApp({
    client: client as Client,
    cloud,
    uploadUrls: undefined,
    clock: systemClock,
    log: { debug() {}, info() {}, warn: write('warn'), error: write('error') },
    newId: ulid,
    version: 'test',
    limits: LIMITS,
    token: undefined,
    allowHosts: [],
    corsOrigins: [],
    proxies: 0,
    allowBuckets: [],
    allowUrls: [],
    topK: 5,
    selectModel: noModel,
    modelTitle: async () => 'stub/fp32',
    readModels: noModel,
    readStatus: noModel,
    wantedLabels: (words) => {
      const matches = hasWords(words);
      return ({ label }) => matches(label);
    },
    pictureMaker: { make: noModel, close() {} },
    samplesDir: SAMPLES_DIR,
    pageDir: folder,
    ...options,
  });
  await cloud.queues.create(requestQueueName('test'));
  /** Submits images as job `id`; all of them travel in packs. */
  async function submit(id: string, images: readonly Input[]): Promise<void> {
    const record = {
      v: 1 as const,
      id,
      state: 'open' as const,
      createdAtMs: 0,
      localFiles: 'in-place' as const,
      // Of an upload there are none.
      inputs: images.some(({ kind }) => kind === 'file') ? [path.join(folder, 'photos')] : [],
      include: [],
      exclude: [],
      topK: 1,
      model: MODEL,
      attempt: 1,
      retried: [],
    };
    await createJob(cloud.output, record);
    await uploadImages(Readable.from(images), {
      cloud,
      job: record,
      before: NOTHING_ANNOUNCED,
      concurrency: 1,
      maxImageBytes: 1_000_000,
      packBelowBytes: MAX_PACK_BYTES,
      clock: systemClock,
      random: Math.random,
    });
  }
  return {
    app,
    cloud,
    folder,
    lines,
    submit,
    async close() {
      await app.close();
      await cloud.close();
      await rm(folder, { recursive: true });
    },
  };
}
