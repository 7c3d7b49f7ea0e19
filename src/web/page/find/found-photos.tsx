import { harmless } from '../../../core/text/harmless.ts';
import { wholePercent } from '../../../core/text/percent.ts';
import { jobPath } from '../address.ts';
import { counted } from '../format.ts';
import { Thumbnail } from '../shell/thumbnail.tsx';
import { typeOf } from '../upload/select-images.ts';
import type { FoundPhoto, Search } from './search.ts';

/** What was found, the highest scores first. Each photo opens in its job. */
export function FoundPhotos({ search }: { search: Search }) {
  const { photos, page, titles, isLoading } = search;
  if (page.value === undefined) return null;
  const { total, next } = page.value;
  return (
    <>
      <p class="muted">{counted(total, 'photo')}</p>
      <ul class="found">
        {photos.value.map((photo) => (
          <FoundCard
            key={`${photo.job} ${photo.index}`}
            photo={photo}
            jobTitle={titles.value.get(photo.job)}
          />
        ))}
      </ul>
      {next !== undefined && (
        <button type="button" class="more" disabled={isLoading.value} onClick={() => void search.more()}>
          Show more photos
        </button>
      )}
    </>
  );
}

function FoundCard({ photo, jobTitle }: { photo: FoundPhoto; jobTitle: string | undefined }) {
  const { job, index, score, thumbnail } = photo;
  const name = harmless(photo.name);
  const label = photo.label ?? photo.category ?? '';
  // Of several dogs it says which breed each is.
  const detail = (file: string) => [photo.best, file].filter((part) => part !== undefined).join(' · ');
  return (
    <li class="card found-photo">
      <Thumbnail address={`v1/${thumbnail}`} type={typeOf(name)} />
      <a class="found-label cover" href={`${jobPath(job)}?photo=${index}`} title={label}>
        {label}
      </a>
      <span class="score">{wholePercent(score)}</span>
      <span class="found-name" title={detail(harmless(photo.path ?? name))}>
        {detail(name)}
      </span>
      {jobTitle !== undefined && (
        <span class="found-name" title={jobTitle}>
          in {jobTitle}
        </span>
      )}
    </li>
  );
}
