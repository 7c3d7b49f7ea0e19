// Entry point of a child process that makes small pictures, one after the other (core/model/picture.ts). Images come from
// strangers: what takes over their decoder finds no credentials here, and the end of the process ends it.
//
// Start it with `fork(path, [JSON.stringify(limits)], { serialization: 'advanced' })`, where `limits` is a DecodeLimits.

import * as z from 'zod';
import type { PictureReply, PictureRequest } from '../core/model/picture.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { DecodeError } from './decode/decode-error.ts';
import { smallPicture } from './small-picture.ts';

const limits = z
  .object({ maxPixels: z.int().positive(), decodeTimeoutMs: z.int().positive() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

async function replyTo({ image, longestSide }: PictureRequest): Promise<PictureReply> {
  try {
    return { jpeg: await smallPicture(image, { fit: 'inside', longestSide }, limits) };
  } catch (error) {
    const message = messageOf(error);
    return error instanceof DecodeError ? { error: { code: error.code, message } } : { fault: message };
  }
}

process.on('message', async (request: PictureRequest) => {
  const reply = await replyTo(request);
  if (process.connected) process.send?.(reply, undefined, undefined, () => {});
});
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C signals the whole process group. The service ends this process when it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
