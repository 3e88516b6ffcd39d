// Silences on the server, and who the reader is: the name is kept in this browser.
import { askPlain } from '../../api/client';
import type { NotifiedAlert, Silence } from '../../model/alerting';

// What a server without Alertmanager's API has.
export const NO_ALERTS: readonly NotifiedAlert[] = [];
export const NO_SILENCES: readonly Silence[] = [];

const AUTHOR = 'kilowatch.author';

export function storedAuthor(): string {
  try {
    return localStorage.getItem(AUTHOR) ?? '';
  } catch {
    return '';
  }
}

function keepAuthor(name: string): void {
  try {
    localStorage.setItem(AUTHOR, name);
  } catch {
    // Storage is blocked: the name is asked for again.
  }
}

// Throws ApiError.
export async function saveSilence(body: Omit<Silence, 'id' | 'status'> & { id?: string }): Promise<string> {
  const { silenceID } = await askPlain<{ readonly silenceID: string }>('api/v2/silences', { body });
  keepAuthor(body.createdBy);
  return silenceID;
}

// Throws ApiError.
export async function expireSilence(id: string): Promise<void> {
  await askPlain<undefined>(`api/v2/silence/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
