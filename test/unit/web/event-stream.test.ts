import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventStream } from '../../../src/web/event-stream.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const read = (stream: EventStream): string => String(stream.read() ?? '');

describe('an event stream', () => {
  it('writes events as server-sent events', () => {
    const stream = new EventStream();
    stream.snapshot({ done: 1 });
    stream.progress({ done: 2 });
    expect(read(stream)).toBe(
      'retry: 2000\n\nevent: snapshot\ndata: {"done":1}\n\nevent: progress\ndata: {"done":2}\n\n',
    );
    stream.destroy();
  });

  it('sends a heartbeat every 15 s until it is closed', () => {
    const stream = new EventStream();
    read(stream);
    vi.advanceTimersByTime(30_000);
    expect(read(stream)).toBe(': heartbeat\n\n: heartbeat\n\n');
    stream.destroy();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends after it has told the reader that the job is gone', async () => {
    const stream = new EventStream();
    stream.gone();
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toMatch(/\n\nevent: gone\ndata: \{\}\n\n$/);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('disconnects a reader that leaves more than a mebibyte unread, and holds no more than that', () => {
    const stream = new EventStream();
    const event = { text: 'x'.repeat(100_000) };
    let most = 0;
    for (let sent = 0; sent < 100 && !stream.destroyed; sent++) {
      stream.progress(event);
      most = Math.max(most, stream.readableLength);
    }
    expect(stream.destroyed).toBe(true);
    expect(most).toBeGreaterThan(2 ** 20);
    expect(most).toBeLessThan(2 ** 20 + 110_000);
  });

  it('keeps a reader that reads, however much it is sent', () => {
    const stream = new EventStream();
    for (let sent = 0; sent < 100; sent++) {
      stream.progress({ text: 'x'.repeat(100_000) });
      expect(read(stream)).toContain('event: progress');
    }
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });
});
