import { useEffect, useState } from 'preact/hooks';
import { binaryByteSize } from '../../../core/text/byte-size.ts';
import { duration } from '../../../core/text/duration.ts';
import type { UploadStage } from '../service/upload-stage.ts';
import { ProgressBar } from '../shell/progress-bar.tsx';

export function UploadProgress({ stage, onCancel }: { stage: UploadStage; onCancel(): void }) {
  const nowMs = useNowMs();
  const text = stageText(stage, nowMs);
  return (
    <div class="uploading">
      <ProgressBar label="Upload" fraction={fractionOf(stage)} text={text} />
      <div class="uploading-foot">
        <p role={stage.name === 'pausing' ? 'status' : undefined}>{text}</p>
        <button type="button" onClick={onCancel}>
          Cancel upload
        </button>
      </div>
    </div>
  );
}

/** A few words on the upload, where other views are shown. */
export function uploadedText(stage: UploadStage): string {
  const fraction = fractionOf(stage);
  if (stage.name === 'pausing') return 'Upload paused';
  return fraction === undefined ? 'Uploading' : `Uploading ${Math.floor(100 * fraction)} %`;
}

function fractionOf(stage: UploadStage): number | undefined {
  if (stage.name !== 'sending') return undefined;
  return stage.totalBytes === 0 ? 0 : stage.sentBytes / stage.totalBytes;
}

function stageText(stage: UploadStage, nowMs: number): string {
  switch (stage.name) {
    case 'sending':
      return `Uploading: ${binaryByteSize(stage.sentBytes)} of ${binaryByteSize(stage.totalBytes)}`;
    case 'storing':
      return 'Upload complete. The service is storing the images.';
    case 'pausing':
      return `${stage.reason} Retrying in ${duration(Math.max(0, stage.untilMs - nowMs))}.`;
  }
}

function useNowMs(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
