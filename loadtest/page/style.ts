// The report's style sheet.

export const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1a1a1a;--soft:#555;--rule:#ccc;--bar:#8fb3dd;--loud:#a40000;
--hue-0:#0b5394;--hue-1:#b45309;--hue-2:#2e7d32;--hue-3:#8e24aa;--hue-4:#c62828;--hue-5:#00695c;--hue-6:#5d4037}
@media (prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e8e8e8;--soft:#a8a8a8;--rule:#444;--bar:#3d6796;--loud:#ff9a8a;
--hue-0:#7db7f0;--hue-1:#f0a860;--hue-2:#86d08a;--hue-3:#d59be6;--hue-4:#ff8a80;--hue-5:#6fd0c0;--hue-6:#c9a99c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:16px 15px}
h1{font-size:1.6rem;margin:.3em 0}h2{font-size:1.2rem;margin:1.6em 0 .4em}h3{font-size:1rem;margin:1.2em 0 .3em}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,350px),1fr));gap:20px}
figure{margin:0;break-inside:avoid}figcaption{font-weight:600;font-size:.9rem;margin-bottom:6px}
svg{display:block;width:100%;max-width:420px;height:auto}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .value,svg .end{text-anchor:end}svg .middle{text-anchor:middle}svg .tick{fill:var(--soft);font-size:11px}
svg .bar{fill:var(--bar);stroke:var(--ink);stroke-width:.5}svg .whisker{stroke:var(--ink);fill:none;stroke-width:1.5}
svg .grid{stroke:var(--rule);fill:none;stroke-width:.6}
svg .line{stroke:var(--hue,var(--ink));fill:none;stroke-width:1.8}svg .mark{fill:var(--hue,var(--ink))}
table{border-collapse:collapse;font-size:.85rem}th,td{border-bottom:1px solid var(--rule);padding:3px 8px;vertical-align:top}
th{text-align:left}td{text-align:right;white-space:nowrap}.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}
.wide{overflow-x:auto}.wide th[scope=row]{min-width:14em}
.loud{color:var(--loud);font-weight:600}li,summary{overflow-wrap:anywhere}
pre{overflow-x:auto;font-size:.8rem;border:1px solid var(--rule);padding:8px;max-height:60vh}
@page{size:A4 landscape;margin:12mm}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#333;--rule:#999;--bar:#ccc;--loud:#000;
--hue-0:#000;--hue-1:#000;--hue-2:#000;--hue-3:#000;--hue-4:#000;--hue-5:#000;--hue-6:#000}
main{max-width:none;padding:0}.charts{grid-template-columns:1fr 1fr}.wide{overflow:visible}.wide table{font-size:.55rem}td{white-space:normal}
pre{max-height:none;white-space:pre-wrap}}
`;
