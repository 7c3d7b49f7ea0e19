import type { JobView } from '../../api.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { originalOf } from '../upload/originals.ts';
import { typeOf } from '../upload/select-images.ts';

/** The first images of a job, as its list has them. */
export function JobPictures({ job: { id, firstImages = [] } }: { job: JobView }) {
  return (
    <span class={`job-pictures job-pictures-${firstImages.length}`} aria-hidden="true">
      {firstImages.map(({ index, name }) => (
        <Thumbnail
          key={index}
          file={originalOf(id, index)?.file}
          address={`v1/jobs/${id}/images/${index}/thumbnail`}
          type={typeOf(name)}
        />
      ))}
    </span>
  );
}
