import { FILES_BUCKET } from '../core/cloud/files-in-place.ts';
import type { JobRecord, ManifestEntry } from '../core/job/job.ts';
import { isError } from '../core/model/outcome.ts';
import { isWebAddress } from '../core/network/web-address.ts';
import { pathFrom } from '../upload/in-place.ts';
import { parseS3Address } from '../upload/select.ts';

/** The absolute path of an image. Undefined for what is no file of this machine: objects of S3, images of the web, bytes of a program. */
export function fileOf(job: JobRecord, entry: ManifestEntry): string | undefined {
  return !isError(entry) && entry.bucket === FILES_BUCKET ? entry.key : pathOf(job, entry.source);
}

/** Without named inputs the images came from a program, and their sources may be any text. */
function pathOf({ inputs, folder = '.' }: JobRecord, source: string): string | undefined {
  if (inputs.length === 0 || parseS3Address(source) !== undefined || isWebAddress(source)) return undefined;
  return pathFrom(folder, source);
}
