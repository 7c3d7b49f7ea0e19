import type { JobView } from '../../api.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { originalOf } from '../upload/originals.ts';
import { thumbnailAddress } from './thumbnail-address.ts';

const PICTURES = 4;

/** The first images of a job. */
export function JobPictures({ job: { id, total, done } }: { job: JobView }) {
  const count = Math.min(PICTURES, total ?? done);
  return (
    <span class={`job-pictures job-pictures-${count}`} aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        <Thumbnail key={index} file={originalOf(id, index)?.file} address={thumbnailAddress(id, index)} />
      ))}
    </span>
  );
}
