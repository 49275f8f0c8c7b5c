/** How the status page looks. States differ in shape as well as in colour. */
export const style = `
:root{color-scheme:light dark;--ground:#f5f6f8;--card:#fff;--line:#dfe3e9;--ink:#17202b;--soft:#5c6877;--active:#2563d9;--idle:#14804a;--idle-fill:#d5f0e0;--warn:#8f5a00;--warn-fill:#fdf0d3;--bad:#b3261e;--bad-fill:#fbe2e0}
@media(prefers-color-scheme:dark){:root{--ground:#0f1419;--card:#182028;--line:#2a3541;--ink:#e6ebf1;--soft:#97a5b4;--active:#6ea3ff;--idle:#4cc98a;--idle-fill:#173c2a;--warn:#f0b95a;--warn-fill:#3a2c10;--bad:#ff8f86;--bad-fill:#42201d}}
*{box-sizing:border-box;margin:0}
body{background:var(--ground);color:var(--ink);font:14px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums;padding:20px clamp(12px,3vw,36px) 40px;max-width:1500px;margin:auto}
body>header{display:flex;gap:10px;align-items:baseline;margin-bottom:6px}
h1{font-size:20px;letter-spacing:-.01em}h2{font-size:15px}
body>header nav{margin-left:auto;display:flex;gap:14px}
a{color:var(--active);text-decoration:none}a:hover,a:focus{text-decoration:underline}
small,.version,.host,.room,.limit,.none,dt,.legend{color:var(--soft)}
small,dt,.host,.limit,.legend{font-size:12px;font-weight:400}
.pill{font-style:normal;font-size:12px;font-weight:600;border-radius:99px;padding:1px 9px;background:var(--line);white-space:nowrap}
.pill.good{background:var(--idle-fill);color:var(--idle)}.pill.warn{background:var(--warn-fill);color:var(--warn)}.pill.bad{background:var(--bad-fill);color:var(--bad)}
.tiles{display:flex;flex-wrap:wrap;gap:10px 40px;margin:16px 0}
.tiles div{display:flex;flex-direction:column-reverse}
.tiles dd{font-size:26px;font-weight:650;letter-spacing:-.02em;line-height:1.15}
.legend{display:flex;gap:18px;margin-bottom:10px}.legend span{display:flex;gap:6px;align-items:center}
.cards{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(430px,100%),1fr))}
article,.faults{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
article>header{display:flex;gap:9px;align-items:center;min-height:32px}
article h2{overflow-wrap:anywhere}
.host{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.spark{margin-left:auto;width:120px;height:32px;flex:none}.spark polyline{fill:none;stroke:var(--active);stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.endpoints{list-style:none;padding:0;margin:8px 0 12px}
.endpoints li{padding:7px 0;border-top:1px solid var(--line)}
.where{display:flex;gap:10px;align-items:baseline;font-size:12px;flex-wrap:wrap}.where b{font:600 12px ui-monospace,monospace;overflow-wrap:anywhere}.limit{margin-left:auto}
.squares{display:flex;flex-wrap:wrap;gap:3px;min-height:14px;margin-top:5px;font-size:12px;color:var(--soft)}
i{display:inline-block;width:14px;height:14px;border-radius:3px;border:1.5px solid var(--soft);flex:none}
i.active{background:var(--active);border-color:var(--active)}
i.idle{background:var(--idle-fill);border-color:var(--idle)}i.tunnel{border-color:var(--active)}
i.connecting{border-style:dashed;background:none}
i.draining{background:repeating-linear-gradient(45deg,var(--soft) 0 2px,transparent 2px 5px)}
article dl{display:grid;grid-template-columns:repeat(4,1fr);gap:9px 12px;border-top:1px solid var(--line);padding-top:10px}
article dd{font-size:16px;font-weight:600}article dd small{display:block}
.dial{margin-top:11px;background:var(--warn-fill);border-radius:7px;padding:7px 10px;font-size:13px;overflow-wrap:anywhere}.dial b{color:var(--warn)}
.faults{margin-top:16px}.scroll{overflow-x:auto;margin-top:8px}
table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;font-size:12px;font-weight:400;color:var(--soft)}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
td.cause{white-space:normal;min-width:260px;overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--active);outline-offset:2px}
#link{font-size:12px;color:var(--soft)}#link.lost{color:var(--bad);font-weight:600}
@media(max-width:520px){article dl{grid-template-columns:repeat(2,1fr)}}
`;
