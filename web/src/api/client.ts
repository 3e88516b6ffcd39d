// The one place that fetches. Paths are relative to <base>, so a path prefix needs no other setting.
import type { Notes } from '../model/answers';

// Kinds are the server's `errorType` (bad_data, execution, timeout, canceled, …), or ours when no answer of
// the API arrived: 'unreachable', 'not_json', 'too_large'.
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status: number = 0,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Answer<T> extends Notes {
  readonly data: T;
}

interface Envelope<T> {
  readonly status: 'success' | 'error';
  readonly data?: T;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

// A larger answer would cost the page more memory than a browser gives a tab.
const ANSWER_BYTES_MAX = 256 << 20;

export const apiBase: string = document.baseURI;

export function apiUrl(path: string): string {
  return new URL(path, apiBase).href;
}

export type Parameters = Readonly<Record<string, string>>;

// Queries go by form POST, since an expression may be longer than a URL may be.
export async function send(path: string, signal: AbortSignal, form?: Parameters): Promise<Response> {
  try {
    return await fetch(apiUrl(path), {
      signal,
      headers: { accept: 'application/json' },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('unreachable', 'The server cannot be reached. Is it running?');
  }
}

// The whole body, within the bound: past it the transfer is given up. Throws ApiError.
export async function readBody(response: Response): Promise<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    // Chunks come one after the other.
    // oxlint-disable-next-line no-await-in-loop
    const chunk = await reader?.read();
    if (chunk === undefined || chunk.done) break;
    size += chunk.value.byteLength;
    if (size > ANSWER_BYTES_MAX) {
      void reader?.cancel();
      throw new ApiError(
        'too_large',
        'The answer is over the page’s limit of 256 MiB. Aggregate, or take a longer step.',
      );
    }
    parts.push(chunk.value);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.byteLength;
  }
  return body.buffer;
}

// `text` is the body of a response with this status. Throws ApiError.
export function parseEnvelope<T>(text: string, status: number): Answer<T> {
  let envelope: Envelope<T>;
  try {
    envelope = JSON.parse(text) as Envelope<T>;
  } catch {
    const excerpt = text.trim().slice(0, 200);
    throw new ApiError('not_json', `HTTP ${status}: ${excerpt === '' ? 'empty answer' : excerpt}`, status);
  }
  if (envelope.status !== 'success' || envelope.data === undefined) {
    throw new ApiError(envelope.errorType ?? 'unknown', envelope.error ?? `HTTP ${status}`, status);
  }
  return { data: envelope.data, warnings: envelope.warnings ?? [], infos: envelope.infos ?? [] };
}

// The status and the whole body, whatever they are, for APIs whose refusals say more than a message. Throws ApiError
// when there is no answer.
export async function ask(
  path: string,
  init: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  let response: Response;
  try {
    response = await fetch(apiUrl(path), { ...init, headers: { accept: 'application/json', ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ApiError('unreachable', 'The server cannot be reached. Is it running?');
  }
  return { status: response.status, text: new TextDecoder().decode(await readBody(response)) };
}

export async function getJson<T>(path: string, signal: AbortSignal, form?: Parameters): Promise<Answer<T>> {
  const response = await send(path, signal, form);
  return parseEnvelope<T>(new TextDecoder().decode(await readBody(response)), response.status);
}

// A JSON body, by POST. Throws ApiError.
export async function postJson<T>(path: string, body: unknown): Promise<T> {
  const { status, text } = await ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return parseEnvelope<T>(text, status).data;
}

// For APIs whose answers are the data themselves and whose errors are a text or a JSON string (Alertmanager's). A body
// makes it a POST unless `method` says otherwise; an empty answer is undefined. Throws ApiError.
export async function askPlain<T>(
  path: string,
  { signal, method, body }: { readonly signal?: AbortSignal; readonly method?: string; readonly body?: unknown } = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(apiUrl(path), {
      ...(signal === undefined ? {} : { signal }),
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError('unreachable', 'The server cannot be reached. Is it running?');
  }
  const text = new TextDecoder().decode(await readBody(response));
  let data: unknown;
  try {
    data = text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    data = text;
  }
  if (!response.ok) {
    const said = typeof data === 'string' ? data : ((data as { message?: string } | undefined)?.message ?? text);
    const excerpt = said.trim().slice(0, 500);
    throw new ApiError('refused', excerpt === '' ? `HTTP ${response.status}` : excerpt, response.status);
  }
  if (typeof data === 'string') throw new ApiError('not_json', `HTTP ${response.status}: ${data.slice(0, 200)}`);
  return data as T;
}
