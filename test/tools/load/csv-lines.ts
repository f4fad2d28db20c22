/** CSV texts for the loader's tests: the columns that matter, each with a usual value. */
export const columns = {
  hotel: 'City Hotel',
  lead_time: '10',
  arrival_date_year: '2016',
  arrival_date_month: 'March',
  arrival_date_day_of_month: '26',
  stays_in_weekend_nights: '2',
  stays_in_week_nights: '1',
  adults: '2',
  children: '0',
  market_segment: 'Direct',
  reserved_room_type: 'A',
  assigned_room_type: 'A',
  booking_changes: '0',
  adr: '75.5',
  reservation_status: 'Check-Out',
  reservation_status_date: '3/29/2016',
};
export type Values = Partial<Record<keyof typeof columns, string>>;

/** A header and one line per set of values; what is not given has its usual value. */
export function csvOf(...rows: readonly Values[]): string {
  const names = Object.keys(columns) as (keyof typeof columns)[];
  const lines = rows.map((row) => names.map((name) => row[name] ?? columns[name]).join(','));
  return [names.join(','), ...lines].join('\n');
}
