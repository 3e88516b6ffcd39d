// Texts of the time axis: clock times, and the date where a day begins.
import { formatDateTime, type TimeZoneMode } from '../model/time';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// `splits` in seconds, `increment` is their distance in seconds.
export function formatTimeAxis(splits: readonly number[], increment: number, zone: TimeZoneMode): string[] {
  return splits.map((seconds) => {
    const text = formatDateTime(seconds * 1000, zone, true);
    const month = MONTHS[Number(text.slice(5, 7)) - 1] ?? '';
    const day = `${month} ${Number(text.slice(8, 10))}`;
    if (increment >= 28 * 86400) return `${month} ${text.slice(0, 4)}`;
    if (increment >= 86400 || text.slice(11, 19) === '00:00:00') return day;
    if (increment < 1) return text.slice(14);
    return increment < 60 ? text.slice(11, 19) : text.slice(11, 16);
  });
}
