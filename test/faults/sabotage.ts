/** The system broken on purpose, by mistakes that such systems have been made with: the checker must notice each. */

import type { Cloud, Queue, Store } from '../../src/core/cloud/ports.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import type { Sabotage } from './plan.ts';

export function sabotaged(cloud: Cloud, how: Sabotage): Cloud {
  const open = (name: string) => sabotagedQueue(cloud.queues.open(name), how);
  const output = sabotagedStore(cloud.output, how);
  return { ...cloud, output, queues: { ...cloud.queues, open } };
}

function sabotagedStore(store: Store, how: Sabotage): Store {
  return {
    ...store,
    async put(key, body, options) {
      if (!/\/results\//.test(key) || !(body instanceof Uint8Array))
        return await store.put(key, body, options);
      if (how === 'contradict-shards') {
        // A second shard, of another range, holds another outcome for one of the images.
        const other = key.replace(/(\d{9})-\d{9}\.ndjson$/, '$1-$1.ndjson');
        const otherwise = changed(body, mislabelled);
        await store.put(other, otherwise.subarray(0, 1 + otherwise.indexOf('\n')));
      }
      if (how === 'wrong-label') return await store.put(key, changed(body, mislabelled), options);
      if (how === 'wrong-name') return await store.put(key, changed(body, normalized), options);
      return await store.put(key, body, options);
    },
  };
}

function changed(shard: Uint8Array, change: (outcome: Outcome) => Outcome): Buffer {
  const lines = Buffer.from(shard).toString().trimEnd().split('\n');
  return Buffer.from(lines.map((line) => `${JSON.stringify(change(JSON.parse(line)))}\n`).join(''));
}

const mislabelled = (outcome: Outcome): Outcome =>
  isError(outcome) ? outcome : { ...outcome, labels: [{ wnid: 'n00000000', label: 'sabotage', score: 1 }] };

/** Looks the same in a terminal, and is another name. */
const normalized = (outcome: Outcome): Outcome => ({ ...outcome, name: outcome.name.normalize('NFD') });

function sabotagedQueue(queue: Queue, how: Sabotage): Queue {
  if (!queue.name.endsWith('-request')) return queue;
  return {
    ...queue,
    async send(messages, signal) {
      await queue.send(how === 'lose-announcements' ? messages.slice(1) : messages, signal);
    },
    async receive(options) {
      const received = await queue.receive(options);
      if (how === 'acknowledge-first' && received.length > 0) {
        await queue.delete(received.map(({ receipt }) => receipt));
      }
      return received;
    },
  };
}
