import { setTimeout as sleep } from 'node:timers/promises';
import { describeQueues } from '../../test/contract/queue-suite.ts';
import { describeStore } from '../../test/contract/store-suite.ts';
import { MemoryQueues } from './memory-queues.ts';
import { MemoryStore } from './memory-store.ts';

describeStore('in memory', async () => ({
  store: new MemoryStore('in-memory', Date.now),
  release: async () => {},
}));

describeQueues('in memory', async () => ({
  queues: new MemoryQueues({ nowMs: Date.now, sleep }),
  release: async () => {},
}));
