import { describe, expect, it } from 'vitest';
import type { Silence } from './alerting';
import {
  checkDraft,
  draftOfLabels,
  draftOfSilence,
  emptyDraft,
  formatMatcher,
  matchesLabels,
  parseMatcher,
  parsedMatchers,
  silenceBody,
  type SilenceDraft,
} from './silences';

const NOW = Date.parse('2026-01-01T12:00:00Z');

describe('matchers', () => {
  it.each([
    ['service="api"', 'service="api"'],
    ['service=api', 'service="api"'],
    ['  severity != info ', 'severity!="info"'],
    ['instance=~"a.*|b"', 'instance=~"a.*|b"'],
    ['job!~x', 'job!~"x"'],
    ['"with space"="a"', 'with space="a"'],
    [String.raw`a="say \"x\"\n"`, String.raw`a="say \"x\"\n"`],
    ['a=', 'a=""'],
    ['service', undefined],
    ['="x"', undefined],
    ['a="b', undefined],
    ['a="b" c', undefined],
  ])('%s', (text, want) => {
    const matcher = parseMatcher(text);
    expect(matcher === undefined ? undefined : formatMatcher(matcher)).toBe(want);
  });

  it.each([
    ['job="api"', true],
    ['job="ap"', false],
    ['job=~"ap."', true],
    ['job=~"ap"', false], // anchored
    ['job!="db"', true],
    ['job!~"a.*"', false],
    ['absent=""', true],
    ['absent!=""', false],
    ['job=~"("', false],
  ])('%s on {job="api"}', (text, want) => {
    const matcher = parseMatcher(text);
    expect(matcher !== undefined && matchesLabels([matcher], { job: 'api' })).toBe(want);
  });
});

describe('drafts', () => {
  const good: SilenceDraft = { ...emptyDraft('ann'), matchers: ['job="api"', ''], comment: 'repair' };

  it('of an alert have all its labels, its name first', () => {
    expect(draftOfLabels({ a: '1', alertname: 'Down' }, 'ann').matchers).toEqual(['alertname="Down"', 'a="1"']);
  });
  it('become what the API takes', () => {
    expect(checkDraft(good)).toBeUndefined();
    expect(silenceBody(good, NOW)).toEqual({
      matchers: [{ name: 'job', value: 'api', isRegex: false, isEqual: true }],
      startsAt: '2026-01-01T12:00:00.000Z',
      endsAt: '2026-01-01T14:00:00.000Z',
      createdBy: 'ann',
      comment: 'repair',
    });
  });
  it.each([
    [{ matchers: [''] }, 'all'],
    [{ matchers: ['job!="x"'] }, 'all'], // everything but x
    [{ matchers: ['job=~".*"'] }, 'all'],
    [{ duration: 'soon' }, 'duration'],
    [{ duration: '0s' }, 'duration'],
    [{ createdBy: ' ' }, 'createdBy'],
    [{ comment: '' }, 'comment'],
  ] as const)('%j lack %s', (change, field) => {
    expect(Object.keys(checkDraft({ ...good, ...change }) ?? {})).toContain(field);
  });
  it('say which row is no condition', () => {
    expect(
      checkDraft({ ...good, matchers: ['job="api"', 'b', 'c=~"("'] })?.matchers.map((error) => error !== undefined),
    ).toEqual([false, true, true]);
  });
  it('of a silence keep what is left of it, or begin anew', () => {
    const silence: Silence = {
      id: 's1',
      status: { state: 'active' },
      matchers: [{ name: 'job', value: 'a.*', isRegex: true, isEqual: false }],
      startsAt: '2026-01-01T11:00:00Z',
      endsAt: '2026-01-01T13:30:00Z',
      createdBy: 'ann',
      comment: 'why',
    };
    expect(draftOfSilence(silence, NOW)).toMatchObject({
      id: 's1',
      matchers: ['job!~"a.*"'],
      duration: '90m',
      startsAt: '',
    });
    expect(draftOfSilence({ ...silence, status: { state: 'expired' } }, NOW)).toMatchObject({
      id: '',
      duration: '150m',
    });
    expect(draftOfSilence({ ...silence, status: { state: 'pending' } }, NOW)).toMatchObject({
      id: 's1',
      startsAt: silence.startsAt,
    });
    expect(parsedMatchers(draftOfSilence(silence, NOW))).toEqual(silence.matchers);
  });
});
