// Writes deploy/grafana.json, a dashboard of Fanfare for Grafana 10 or later: each panel is a title, a unit and its queries.

import { writeFileSync } from 'node:fs';

const JOB = 'job=~"$job",instance=~"$instance"';
const of = (metric, labels = '') => `${metric}{${JOB}${labels && `,${labels}`}}`;
const rate = (metric) => `rate(${of(metric)}[$__rate_interval])`;
const quantile = (part, metric, by = '') =>
  `histogram_quantile(${part}, sum by (${by}le) (${rate(`${metric}_bucket`)}))`;

const PANELS = [
  ['Nodes by state', 'short', [[`sum by (state) (${of('fanfare_state')})`, '{{state}}']]],
  ['Nodes that discovery may assign', 'short', [[of('fanfare_discovery_usable_nodes'), '{{instance}}']]],
  ['Connections', 'short', [[of('fanfare_connections'), '{{instance}}']]],
  ['Deliveries', 'ops', [[`sum by (transport) (${rate('fanfare_deliveries_total')})`, '{{transport}}']]],
  [
    'Messages in',
    'ops',
    [
      [`sum by (path) (${rate('fanfare_publishes_total')})`, '{{path}}'],
      [`max(${rate('fanfare_messages_total')})`, 'the busiest node hands on'],
    ],
  ],
  [
    'From publish to handover',
    's',
    [
      [quantile(0.5, 'fanfare_publish_to_handover_seconds'), 'half of the messages'],
      [quantile(0.99, 'fanfare_publish_to_handover_seconds'), '99 of 100'],
    ],
  ],
  [
    'Delay of the event loop, 99 of 100',
    's',
    [[quantile(0.99, 'fanfare_event_loop_delay_seconds', 'instance, '), '{{instance}}']],
  ],
  ['Event loop', 'percentunit', [[of('fanfare_event_loop_utilization'), '{{instance}}']]],
  ['Memory', 'bytes', [[of('process_resident_memory_bytes'), '{{instance}}']]],
  ['Waits for clients that read slowly', 'bytes', [[of('fanfare_buffered_bytes'), '{{instance}}']]],
  ['Recent messages in memory', 'bytes', [[of('fanfare_history_bytes'), '{{instance}}']]],
  [
    'Holes',
    'ops',
    [
      [`sum(${rate('fanfare_repairs_total')})`, 'filled from the log'],
      [`sum by (reason) (${rate('fanfare_gaps_total')})`, 'told to clients: {{reason}}'],
    ],
  ],
  [
    'Refusals',
    'ops',
    [
      [`sum by (code) (${rate('fanfare_refusals_total')})`, 'node: {{code}}'],
      [`sum by (code) (${rate('fanfare_discovery_refusals_total')})`, 'discovery: {{code}}'],
    ],
  ],
  ['Clients that do not come', 'ops', [[rate('fanfare_lapsed_reservations_total'), '{{instance}}']]],
];

const WIDTH = 8;
const HEIGHT = 8;
const datasource = { type: 'prometheus', uid: '${datasource}' };

const panels = PANELS.map(([title, unit, queries], at) => ({
  id: at + 1,
  type: 'timeseries',
  title,
  datasource,
  gridPos: { x: (at % 3) * WIDTH, y: Math.floor(at / 3) * HEIGHT, w: WIDTH, h: HEIGHT },
  fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
  targets: queries.map(([expr, legendFormat], query) => ({
    ...{ datasource, expr, legendFormat },
    refId: String.fromCharCode(65 + query),
  })),
}));

const choice = (name, query) => ({
  ...{ name, type: 'query', datasource, query, refresh: 2, includeAll: true, multi: true },
  current: { text: 'All', value: '$__all' },
});

const dashboard = {
  title: 'Fanfare',
  uid: 'fanfare',
  schemaVersion: 39,
  time: { from: 'now-1h', to: 'now' },
  refresh: '15s',
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      choice('job', 'label_values(fanfare_build_info, job)'),
      choice('instance', 'label_values(fanfare_build_info{job=~"$job"}, instance)'),
    ],
  },
  panels,
};

writeFileSync(new URL('../deploy/grafana.json', import.meta.url), `${JSON.stringify(dashboard, undefined, 2)}\n`);
