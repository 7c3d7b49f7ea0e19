/** The service without a socket, for requests that a test makes up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { systemClock } from '../../../src/app/system-clock.ts';
import type { Client } from '../../../src/client/client.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { type AppOptions, createApp } from '../../../src/web/app.ts';

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
    topK: 5,
    selectModel: noModel,
    modelTitle: async () => 'stub/fp32',
    readModels: noModel,
    readStatus: noModel,
    pageDir: folder,
    ...options,
  });
  return {
    app,
    cloud,
    folder,
    lines,
    async close() {
      await app.close();
      await cloud.close();
      await rm(folder, { recursive: true });
    },
  };
}
