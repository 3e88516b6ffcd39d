// The page's side of decode_worker.ts: one worker for the page, started with the first range query.
import { ApiError } from './client';
import type { DecodeReply, DecodeRequest } from './decode_worker';
import type { Grid } from '../model/frame';

type Decoded = Extract<DecodeReply, { state: 'frame' }>;

interface Waiting {
  readonly resolve: (reply: Decoded) => void;
  readonly reject: (error: ApiError) => void;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let nextId = 1;

function theWorker(): Worker {
  if (worker !== undefined) return worker;
  worker = new Worker(new URL('./decode_worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('message', (event: MessageEvent<DecodeReply>) => {
    const reply = event.data;
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.state === 'frame') caller?.resolve(reply);
    else caller?.reject(new ApiError('not_json', `The answer cannot be read: ${reply.message}`));
  });
  worker.addEventListener('error', () => {
    for (const caller of waiting.values()) caller.reject(new ApiError('not_json', 'The decoder stopped.'));
    waiting.clear();
    worker?.terminate();
    worker = undefined;
  });
  return worker;
}

// Takes ownership of `body`.
export function decodeFrame(body: ArrayBuffer, grid: Grid): Promise<Decoded> {
  return new Promise((resolve, reject) => {
    const id = nextId;
    nextId += 1;
    waiting.set(id, { resolve, reject });
    const request: DecodeRequest = { id, body, grid };
    theWorker().postMessage(request, [body]);
  });
}
