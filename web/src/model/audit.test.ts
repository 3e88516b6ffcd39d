import { describe, expect, it } from 'vitest';
import { changesOf } from './audit';

describe('changesOf', () => {
  it('names what differs, what is new and what is gone', () => {
    expect(changesOf({ a: 1, b: 'x', c: true }, { a: 1, b: 'y', d: [1] })).toEqual([
      { name: 'b', before: 'x', after: 'y' },
      { name: 'c', before: 'true', after: undefined },
      { name: 'd', before: undefined, after: '[\n 1\n]' },
    ]);
  });

  it('takes what was made or removed whole', () => {
    expect(changesOf(null, { receiver: 'mail' })).toEqual([{ name: 'receiver', before: undefined, after: 'mail' }]);
    expect(changesOf({ a: 1 }, null)).toEqual([{ name: 'a', before: '1', after: undefined }]);
    expect(changesOf(null, null)).toEqual([]);
  });

  it('shows what is no object as it is', () => {
    expect(changesOf('old', 'new')).toEqual([{ name: '', before: 'old', after: 'new' }]);
    expect(changesOf([1], [1])).toEqual([]);
  });
});
