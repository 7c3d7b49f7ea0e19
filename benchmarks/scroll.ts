// Measures how smoothly the page scrolls through a job of 10,000 images, from a trace of Chromium. Classifies nothing.
//
//     npm run bench:scroll -- [--images 10000] [--seconds 8] [--speed 3000]
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type CDPSession, chromium } from 'playwright-core';
import sharp from 'sharp';
import { type FakedImage, fakeJob } from '../test/e2e/web/faked-job.ts';
import { startService } from '../test/e2e/web/up.ts';

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
  const service = await startService(path.join(repository, 'bin', 'imgcls.js'), dataDir, ['serve']);
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
    // Of the processor: other work on this machine does not count.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    for (const round of ['first', 'again']) {
      await page.evaluate(() => window.scrollTo(0, 0));
      const before = await busySeconds(session);
      const { presented, dropped } = await frames(session);
      const busy = (await busySeconds(session)) - before;
      const reached = await page.evaluate(() => Math.round(window.scrollY));
      const perFrame = (1000 * busy) / (60 * Number(flags.seconds));
      const share = (100 * presented) / (presented + dropped);
      console.log(
        `${round}: ${reached} px; ${presented} frames presented, ${dropped} dropped (${share.toFixed(0)} %); ` +
          `the page's thread computed ${perFrame.toFixed(1)} ms of the 16.7 ms that a frame has`,
      );
    }
  } finally {
    await browser.close();
    await service.stop();
  }
}

async function busySeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
}

interface FrameEvent {
  args?: { frame_reporter?: { state: string } };
}

/** Scrolls, and counts what became of the frames that had something new. */
async function frames(session: CDPSession): Promise<{ presented: number; dropped: number }> {
  const counts = { presented: 0, dropped: 0 };
  const collect = ({ value }: { value: FrameEvent[] }) => {
    for (const { args } of value) {
      const state = args?.frame_reporter?.state;
      if (state?.startsWith('STATE_PRESENTED') === true) counts.presented++;
      if (state === 'STATE_DROPPED') counts.dropped++;
    }
  };
  session.on('Tracing.dataCollected', collect as never);
  await session.send('Tracing.start', { categories: 'cc,disabled-by-default-devtools.timeline.frame' });
  await session.send('Input.synthesizeScrollGesture', {
    x: 700,
    y: 500,
    yDistance: -Number(flags.seconds) * Number(flags.speed),
    speed: Number(flags.speed),
    gestureSourceType: 'mouse',
  });
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  session.off('Tracing.dataCollected', collect as never);
  return counts;
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
