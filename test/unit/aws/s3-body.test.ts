import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { incomingStream, outgoingBody } from '../../../src/aws/s3-body.ts';

const MEBIBYTE = 1024 * 1024;
const source = (bytes: number, open: () => Readable) => ({ bytes, open });
const consume = (body: Uint8Array | Readable): Promise<Buffer> =>
  body instanceof Uint8Array ? Promise.resolve(Buffer.from(body)) : buffer(body);

describe('bodies of requests to S3', () => {
  it('are refused without being opened if they exceed the limit of S3', async () => {
    const open = vi.fn();
    await expect(outgoingBody(source(5 * 1024 ** 3 + 1, open), 'store it')).rejects.toThrow('5 GiB');
    expect(open).not.toHaveBeenCalled();
  });

  it.each([0, 10, MEBIBYTE, 3 * MEBIBYTE])('arrive complete: %i bytes', async (bytes) => {
    const data = Buffer.alloc(bytes, 'x');
    const body = await outgoingBody(
      source(bytes, () => Readable.from([data], { objectMode: false })),
      'x',
    );
    expect(body.repeatable).toBe(bytes < MEBIBYTE);
    for (const _try of [1, 2]) {
      expect((await body.send(undefined, consume)).equals(data)).toBe(true);
    }
  });

  it('keep the error of a source that cannot be read', async () => {
    const gone = Object.assign(new Error('gone'), { code: 'ENOENT' });
    const open = (): Readable => new Readable({ read: () => {} }).destroy(gone);
    await expect(outgoingBody(source(10, open), 'x')).rejects.toBe(gone);
    const large = await outgoingBody(source(MEBIBYTE, open), 'x');
    await expect(large.send(undefined, consume)).rejects.toBe(gone);
  });

  it.each([-1, 1])('end the request if the source has %i bytes more than announced', async (more) => {
    const data = Buffer.alloc(MEBIBYTE + more);
    const body = await outgoingBody(
      source(MEBIBYTE, () => Readable.from([data], { objectMode: false })),
      'x',
    );
    let aborted: AbortSignal | undefined;
    const sent = body.send(undefined, async (stream, signal) => {
      aborted = signal;
      return await consume(stream);
    });
    await expect(sent).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('changed'),
    });
    expect(aborted?.aborted).toBe(true);
  });

  it('close their source after the request fails', async () => {
    const opened = new Readable({ read: () => {} });
    const body = await outgoingBody(
      source(MEBIBYTE, () => opened),
      'x',
    );
    await expect(
      body.send(undefined, async () => {
        throw new Error('refused');
      }),
    ).rejects.toThrow('refused');
    await vi.waitFor(() => expect(opened.destroyed).toBe(true));
  });
});

describe('bodies of responses from S3', () => {
  it('turn a broken connection into a transient error of ours', async () => {
    const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    const broken = new Readable({ read: () => {} });
    const body = incomingStream(broken, 'read it');
    broken.destroy(reset);
    await expect(buffer(body)).rejects.toMatchObject({ kind: 'transient', cause: reset });
  });

  it('close the connection when the reader stops', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(1_000));
      },
    });
    for await (const _chunk of incomingStream(endless, 'read it')) break;
    await vi.waitFor(() => expect(endless.destroyed).toBe(true));
  });
});
