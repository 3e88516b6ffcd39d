// Worker: bytes of a range query's answer → Frame, away from the page's thread, so that an answer of
// thousands of series never freezes it. One message in, one out; the columns are transferred, not copied.
import type { MatrixSeries, Notes } from '../model/answers';
import { toFrame, type Frame, type Grid } from '../model/frame';

export interface DecodeRequest {
  readonly id: number;
  readonly body: ArrayBuffer;
  readonly grid: Grid;
}

export type DecodeReply =
  | ({ readonly id: number; readonly state: 'frame'; readonly frame: Frame } & Notes)
  | { readonly id: number; readonly state: 'failed'; readonly message: string };

interface RangeEnvelope {
  readonly data?: { readonly resultType: string; readonly result: readonly MatrixSeries[] };
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

function decode({ id, body, grid }: DecodeRequest): DecodeReply {
  try {
    const envelope = JSON.parse(new TextDecoder().decode(body)) as RangeEnvelope;
    if (envelope.data?.resultType !== 'matrix') {
      return { id, state: 'failed', message: `result is ${envelope.data?.resultType ?? 'missing'}, want a matrix` };
    }
    const frame = toFrame(envelope.data.result, grid);
    return { id, state: 'frame', frame, warnings: envelope.warnings ?? [], infos: envelope.infos ?? [] };
  } catch (error) {
    return { id, state: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

self.addEventListener('message', (event: MessageEvent<DecodeRequest>) => {
  const reply = decode(event.data);
  const buffers: Transferable[] = [];
  if (reply.state === 'frame') {
    buffers.push(reply.frame.times.buffer);
    const columns = reply.frame.series[0]?.values.buffer;
    if (columns !== undefined) buffers.push(columns);
  }
  self.postMessage(reply, { transfer: buffers });
});
