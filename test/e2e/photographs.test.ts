/** What is done to photographs with their labels. */
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../integration/tools.ts';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
/** Of both kinds of tags: photographs that one test has labelled are known to the other. */
let tagData: string;
beforeAll(async () => {
  installed = await installPackage();
  tagData = await installed.dataDir();
});
afterAll(() => installed.remove());

/** Paths, bytes and times of modification of all files below a folder. */
async function snapshot(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const files = await Promise.all(
    names.map(async (name) => {
      const { mtimeMs, ino } = await stat(path.join(folder, name));
      return `${name} ${mtimeMs} ${ino} ${(await readFile(path.join(folder, name))).toString('base64')}`;
    }),
  );
  return files.sort();
}

const hasExifTool = hasTool('exiftool', 'libimage-exiftool-perl');

/** Tags as ExifTool reads them; undefined where it is not installed. */
function exifTool(file: string): Record<string, unknown> | undefined {
  if (!hasExifTool) return undefined;
  const text = execFileSync('exiftool', ['-j', '-G1', '-XMP:all', file], { encoding: 'utf8' });
  return JSON.parse(text)[0];
}

describe('imgcls tag', () => {
  it('labels a folder, writes sidecars that ExifTool reads, and gives the folder back as it was', async () => {
    const dataDir = tagData;
    const photos = path.join(dataDir, 'photos');
    await cp(samples, photos, { recursive: true });
    await writeFile(path.join(photos, 'cat.jpg.xmp'), RATED);
    const before = await snapshot(photos);
    const run = (...args: string[]) => start(installed.bin, dataDir, args).finished;

    const tagged = await run('tag', 'photos', '--min-score', '0');
    expect(tagged.code, tagged.stderr).toBe(0);
    expect(tagged.stderr).toContain('Tagged 12 photographs: 11 new sidecars, 1 changed, 0 as before.');
    expect(tagged.stderr, 'a sidecar is no file that was skipped').not.toContain('cat.jpg.xmp');
    const results = await run('results', '-f', 'ndjson');
    for (const line of results.stdout.trim().split('\n')) {
      const { name, label } = JSON.parse(line);
      const read = exifTool(path.join(photos, `${name}.xmp`));
      if (read === undefined) break;
      expect([read['XMP-dc:Subject']].flat()).toContain(label);
      expect([read['XMP-lr:HierarchicalSubject']].flat()).toContainEqual(
        expect.stringMatching(new RegExp(`^imgcls(\\|.+)?\\|${label}$`)),
      );
      if (name === 'cat.jpg') expect(read).toMatchObject({ 'XMP-xmp:Rating': 4 });
    }
    const again = await run('tag', '--min-score', '0');
    expect(again.stderr).toContain('Tagged 0 photographs: 0 new sidecars, 0 changed');

    const undone = await run('tag', '--undo', 'photos');
    expect(undone.stderr).toBe('Undone: 11 new sidecars deleted, 1 restored.\n');
    const withoutSidecar = (files: string[]) => files.filter((line) => !line.startsWith('cat.jpg.xmp'));
    expect(withoutSidecar(await snapshot(photos))).toEqual(withoutSidecar(before));
    expect(await readFile(path.join(photos, 'cat.jpg.xmp'), 'utf8')).toBe(RATED);
  });
});

describe('imgcls watch', () => {
  it('labels each file once that is copied in at once or slowly, though it is killed twice', async () => {
    const dataDir = await installed.dataDir();
    const photos = path.join(dataDir, 'photos');
    await mkdir(photos);
    const watching = () => start(installed.bin, dataDir, ['watch', 'photos', '--settle', '2', '--tag']);
    const names = Array.from({ length: 60 }, (_, at) => `${at}.jpg`);
    const seen = new Set<string>();
    let watch = watching();
    const until = async (isDone: () => boolean) => {
      while (!isDone()) {
        await setTimeout(50);
        for (const line of watch.stdout().split('\n').slice(0, -1)) seen.add(line.replace(/,.*/, ''));
      }
    };
    const copying = Promise.all(names.map((name, at) => copyIn(path.join(photos, name), at)));
    for (const killedAt of [5, 35]) {
      await until(() => seen.size >= killedAt);
      watch.kill('SIGKILL');
      await watch.finished;
      watch = watching();
    }
    await copying;
    await until(() => seen.size === names.length && watch.stderr().includes('Watching'));
    watch.kill('SIGINT');
    expect(await watch.finished).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('Stopped. '),
    });

    const run = async (...args: string[]) => (await start(installed.bin, dataDir, args).finished).stdout;
    const classified: string[] = [];
    for (const { id } of JSON.parse(await run('jobs', '--format', 'json')))
      for (const line of (await run('results', id, '-f', 'ndjson')).trim().split('\n')) {
        const { name, known, label, warning } = JSON.parse(line);
        expect([label === undefined, warning]).toEqual([false, undefined]);
        if (known !== true) classified.push(path.basename(name));
      }
    expect(classified.sort()).toEqual(names.toSorted());
  });
});

/** Every other file comes in four parts. Each has a content of its own: none is known. */
async function copyIn(file: string, at: number): Promise<void> {
  const content = Buffer.concat([await readFile(path.join(samples, 'cat.jpg')), Buffer.from(`#${at}`)]);
  if (at % 2 === 0) return await writeFile(file, content);
  const quarter = Math.ceil(content.length / 4);
  for (let start = 0; start < content.length; start += quarter) {
    await appendFile(file, content.subarray(start, start + quarter));
    await setTimeout(200);
  }
}

describe('imgcls tag --embed', () => {
  it('says how to install ExifTool where it is missing', async () => {
    const dataDir = await installed.dataDir();
    const run = start(installed.bin, dataDir, ['tag', samples, '--embed'], { PATH: '/nowhere' });
    const { code, stderr } = await run.finished;
    expect([code, stderr]).toEqual([2, expect.stringContaining('ExifTool is not installed')]);
    expect(stderr).toContain('apt install libimage-exiftool-perl');
  });

  it.skipIf(!hasExifTool)('writes into photographs, and gives them back byte for byte', async () => {
    const dataDir = tagData;
    const photos = path.join(dataDir, 'embedded');
    // Older versions of ExifTool cannot write WebP.
    await cp(samples, photos, { recursive: true, filter: (file) => !file.endsWith('.webp') });
    const rate = (file: string) =>
      execFileSync('exiftool', ['-q', '-overwrite_original', '-XMP:Rating=4', path.join(photos, file)]);
    rate('cat.jpg');
    const before = await contents(photos);
    const run = (...args: string[]) => start(installed.bin, dataDir, args).finished;

    const tagged = await run('tag', 'embedded', '--embed', '--min-score', '0');
    expect(tagged.stderr).toContain('Tagged 5 photographs: 0 as before.');
    expect(exifTool(path.join(photos, 'cat.jpg'))).toMatchObject({
      'XMP-xmp:Rating': 4,
      'XMP-dc:Subject': expect.arrayContaining(['cat']),
    });
    const again = await run('tag', '--embed', '--min-score', '0');
    expect(again.stderr).toContain('Tagged 0 photographs: 5 as before.');

    // One is changed by another program: only its tags are removed.
    rate('rocket.jpg');
    const undone = await run('tag', '--undo', 'embedded');
    expect(undone.stderr).toContain('4 restored; removed the tags from 1 that other programs');
    const rocket = exifTool(path.join(photos, 'rocket.jpg'));
    expect(rocket).toMatchObject({ 'XMP-xmp:Rating': 4 });
    expect(rocket).not.toHaveProperty('XMP-dc:Subject');
    const after = await contents(photos);
    expect({ ...after, 'rocket.jpg': '' }).toEqual({ ...before, 'rocket.jpg': '' });
  });
});

async function contents(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(path.join(folder, name))).toString('base64')]),
    ),
  );
}

/** A sidecar as digiKam writes it. */
const RATED = `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
   xmp:Rating="4">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Garden</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
`;
