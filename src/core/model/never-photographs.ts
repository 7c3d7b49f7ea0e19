/**
 * Folders in which servers, systems and archives keep thumbnails, deleted files and snapshots, in lower case: of Synology
 * and QNAP, of Windows, macOS and Linux.
 */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  '@eadir',
  '#recycle',
  '#snapshot',
  '@recycle',
  '@recently-snapshot',
  '$recycle.bin',
  'recycler',
  'system volume information',
  '__macosx',
  'lost+found',
]);

/** Why the files of a folder or prefix, or one file, are never photographs by this part of their path. */
export function whyNeverPhotograph(part: string): 'hidden' | 'a folder of the system' | undefined {
  if (SYSTEM_FOLDERS.has(part.toLowerCase())) return 'a folder of the system';
  // Keys of S3 may have parts that a file system would resolve.
  return part.startsWith('.') && part !== '.' && part !== '..' ? 'hidden' : undefined;
}

/** The same for a whole path. */
export function whyPathNeverPhotograph(path: string): ReturnType<typeof whyNeverPhotograph> {
  for (const part of path.split('/')) {
    const why = whyNeverPhotograph(part);
    if (why !== undefined) return why;
  }
  return undefined;
}
