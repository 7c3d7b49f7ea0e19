// Measures how smoothly the page scrolls through a job of 10,000 images, from a trace of Chromium. Classifies nothing.
//
//     npm run bench:scroll -- [--images 10000] [--seconds 8] [--speed 3000]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type CDPSession, chromium } from 'playwright-core';
import sharp from 'sharp';
import { type FakedImage, fakeJob } from '../test/e2e/web/faked-job.ts';

const repository = path.resolve(import.meta.dirname, '..');
const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '8' },
    /** Pixels a second. */
    speed: { type: 'string', default: '3000' },
  },
});
/** Files that are different. */
const FILES = 200;

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-scroll-'));
try {
  await main();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const dataDir = path.join(work, 'data');
  await mkdir(dataDir);
  const files = await photographs();
  const images = Array.from({ length: Number(flags.images) }, (_, at): FakedImage => {
    const labels = [{ wnid: 'n1', label: `label ${at % 997}`, score: (at % 100) / 100 }];
    return {
      name: `IMG_${at}.jpg`,
      file: files[at % files.length] as string,
      result: { labels, ms: 1, category: { name: 'thing', score: 0.9 } },
    };
  });
  const id = await fakeJob({ dataDir, inputs: ['Holiday'], images });
  const service = await startService(dataDir);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(`${service.url}/jobs/${id}`);
    await page.locator('.photo-labelled').first().waitFor();
    await page.waitForLoadState('networkidle');
    const session = await page.context().newCDPSession(page);
    for (const round of ['first', 'again']) {
      await page.evaluate(() => window.scrollTo(0, 0));
      const { drawn, dropped } = await frames(session, () => scroll(session));
      const share = (100 * drawn) / (drawn + dropped);
      console.log(
        `${round}: ${drawn} frames drawn, ${dropped} dropped (${share.toFixed(1)} % drawn, ${((60 * share) / 100).toFixed(1)} frames/s) at ${flags.speed} px/s`,
      );
    }
  } finally {
    await browser.close();
    await service.stop();
  }
}

const scroll = (session: CDPSession) =>
  session.send('Input.synthesizeScrollGesture', {
    x: 700,
    y: 500,
    yDistance: -Number(flags.seconds) * Number(flags.speed),
    speed: Number(flags.speed),
    gestureSourceType: 'touch',
  });

/** Frames of the compositor while `act` runs. */
async function frames(
  session: CDPSession,
  act: () => Promise<unknown>,
): Promise<{ drawn: number; dropped: number }> {
  const counts = { DrawFrame: 0, DroppedFrame: 0 };
  const collect = ({ value }: { value: { name?: string }[] }) => {
    for (const { name } of value) if (name === 'DrawFrame' || name === 'DroppedFrame') counts[name]++;
  };
  session.on('Tracing.dataCollected', collect as never);
  await session.send('Tracing.start', { categories: 'disabled-by-default-devtools.timeline.frame' });
  await act();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  session.off('Tracing.dataCollected', collect as never);
  return { drawn: counts.DrawFrame, dropped: counts.DroppedFrame };
}

/** Crops of the samples, as large as a phone's. */
async function photographs(): Promise<string[]> {
  const samples = path.join(repository, 'samples');
  const names = (await readdir(samples)).filter((name) => /\.(jpe?g|png|webp)$/.test(name));
  const files: string[] = [];
  for (let at = 0; at < FILES; at++) {
    const file = path.join(work, `${at}.jpg`);
    const source = sharp(path.join(samples, names[at % names.length] ?? ''));
    await source
      .resize(1600, 1200)
      .modulate({ hue: (7 * at) % 360 })
      .jpeg()
      .toFile(file);
    files.push(file);
  }
  return files;
}

async function startService(dataDir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [path.join(repository, 'bin', 'imgcls.js'), 'serve', '--port', '0'], {
    env: { ...process.env, IMGCLS_DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      const found = /Listening on (http:\/\/\S+)/.exec(stderr)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(stderr)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      await once(child, 'exit');
    },
  };
}
