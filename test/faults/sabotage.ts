/** The system broken on purpose, in ways that reviews have missed elsewhere: the checker must notice each. */
import { isError, type Outcome } from '../../src/core/outcome.ts';
import type { Cloud, Queue, Store } from '../../src/core/ports.ts';
import type { Sabotage } from './plan.ts';

export function sabotaged(cloud: Cloud, how: Sabotage): Cloud {
  const output = sabotagedStore(cloud.output, how);
  const queue = (name: string) => sabotagedQueue(cloud.queues.open(name), how);
  return { ...cloud, output, queues: { ...cloud.queues, open: queue } };
}

const isShard = (key: string) => /\/results\//.test(key);

function sabotagedStore(store: Store, how: Sabotage): Store {
  let shards = 0;
  return {
    ...store,
    async put(key, body, options) {
      if (!isShard(key) || !(body instanceof Uint8Array)) return await store.put(key, body, options);
      shards++;
      if (how === 'wrong-label' && shards % 3 === 0) return await store.put(key, relabelled(body), options);
      if (how === 'overwrite-shards') {
        // Two writers for one image: a shard of another range holds another outcome for it.
        const [first = ''] = Buffer.from(body).toString().split('\n');
        await store.put(
          key.replace(/(\d{9})-\d{9}\.ndjson$/, '$1-$1.ndjson'),
          relabelled(Buffer.from(`${first}\n`)),
        );
      }
      return await store.put(key, body, options);
    },
  };
}

function relabelled(body: Uint8Array): Buffer {
  const lines = Buffer.from(body).toString().trimEnd().split('\n');
  const changed = lines.map((line) => {
    const outcome: Outcome = JSON.parse(line);
    if (isError(outcome)) return line;
    return JSON.stringify({ ...outcome, labels: [{ wnid: 'n00000000', label: 'sabotage', score: 1 }] });
  });
  return Buffer.from(`${changed.join('\n')}\n`);
}

function sabotagedQueue(queue: Queue, how: Sabotage): Queue {
  if (!queue.name.endsWith('-request')) return queue;
  return {
    ...queue,
    async send(messages, signal) {
      const kept = how === 'lose-announcements' ? messages.slice(1) : messages;
      await queue.send(kept, signal);
    },
    async receive(options) {
      const received = await queue.receive(options);
      if (how === 'acknowledge-first') await queue.delete(received.map(({ receipt }) => receipt));
      return received;
    },
  };
}
