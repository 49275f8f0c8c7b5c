/** How the status page looks. States differ in shape and in words as well as in colour. */
export const style = `
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--line:#dde2e9;--ink:#16202c;--soft:#566273;--active:#1f5fd0;--bars:#7ea6ec;--idle:#0f7443;--idle-fill:#d3f0df;--warn:#875400;--warn-fill:#fdf0d3;--bad:#b3261e;--bad-fill:#fbe3e1}
@media(prefers-color-scheme:dark){:root{--ground:#0e1318;--card:#171e26;--line:#2b3643;--ink:#e7ecf2;--soft:#9dabba;--active:#7db0ff;--bars:#3f6bb3;--idle:#56cf93;--idle-fill:#163a29;--warn:#f2bd60;--warn-fill:#372a0f;--bad:#ff938a;--bad-fill:#41201d}}
*{box-sizing:border-box;margin:0}
body{background:var(--ground);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums;padding:18px clamp(12px,3vw,36px) 40px;max-width:1500px;margin:auto}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{position:fixed;z-index:1;left:12px;top:8px;width:auto;height:auto;clip-path:none;background:var(--card);padding:8px 14px;border-radius:8px}
body>header{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:baseline;margin-bottom:14px}
h1{font-size:20px;letter-spacing:-.01em}h2{font-size:16px;margin-bottom:6px}h3{font-size:15px;overflow-wrap:anywhere}
body>header nav{margin-left:auto;display:flex;gap:4px 16px;flex-wrap:wrap}
a{color:var(--active);text-underline-offset:2px}
small,.version,.host,.room,.limit,.none,dt,.legend,.axis,figcaption,th,time{color:var(--soft)}
small,dt,.host,.limit,.legend,.axis,figcaption{font-size:12px;font-weight:400}
#link{font-size:12px;color:var(--soft)}#link.live::before{content:"";display:inline-block;width:8px;height:8px;border-radius:50%;background:var(--idle);margin-right:6px}
.lost,#link.lost{color:var(--bad);font-weight:600}
.pill{font-style:normal;font-size:12px;font-weight:600;border-radius:99px;padding:1px 9px;background:var(--line);white-space:nowrap}
.pill.good{background:var(--idle-fill);color:var(--idle)}.pill.warn,.pill.differs{background:var(--warn-fill);color:var(--warn)}.pill.bad{background:var(--bad-fill);color:var(--bad)}
.say{border-radius:10px;padding:12px 16px;border:1px solid var(--line);border-left:5px solid var(--idle);background:var(--card)}
.say.warn{border-left-color:var(--warn)}.say.bad{border-left-color:var(--bad)}
.say .title{font-size:17px;font-weight:650}.say .title span{color:var(--idle)}.say.warn .title span{color:var(--warn)}.say.bad .title span{color:var(--bad)}
.say ul{padding-left:19px;margin-top:4px}.say li,.say ul+p{overflow-wrap:anywhere}
code{font:12px ui-monospace,SFMono-Regular,Menlo,monospace;background:var(--ground);border-radius:4px;padding:1px 5px;overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:12px 44px;margin:18px 2px}
.tiles div{display:flex;flex-direction:column-reverse;justify-content:flex-end}
.tiles dd{font-size:26px;font-weight:650;letter-spacing:-.02em;line-height:1.2}.tiles small{letter-spacing:0}
.box,article{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
section{margin-top:16px}section.say{margin-top:0}
.legend{display:flex;gap:6px 18px;flex-wrap:wrap;margin-bottom:10px}.legend span{display:flex;gap:6px;align-items:center}
.cards{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(370px,100%),1fr))}
article>header{display:flex;gap:9px;align-items:center;margin-bottom:10px}article .pill:last-child{margin-left:auto}
.host{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.plots{display:grid;grid-template-columns:1fr;gap:10px}figcaption b{color:var(--ink)}
figcaption{display:flex;justify-content:space-between;gap:8px;flex-wrap:wrap}
svg{display:block;width:100%;height:60px;margin-top:3px;border-bottom:1px solid var(--line);background:linear-gradient(var(--line),var(--line)) 0 50%/100% 1px no-repeat}
path{fill:none;vector-effect:non-scaling-stroke}.bars{fill:var(--bars)}.failed{fill:var(--bad)}
.mean{stroke:var(--active);stroke-width:2}.high{stroke:var(--warn);stroke-width:1.3}
i.key{width:12px;height:0;border:0;border-top:2px solid var(--active);border-radius:0;vertical-align:4px;margin-right:3px}i.key.high{border-top:1.3px solid var(--warn);margin-left:6px}
.axis{display:flex;justify-content:space-between;margin-top:-6px}
.room{margin-top:10px;font-size:12px}
.endpoints{list-style:none;padding:0;margin:4px 0 10px}
.endpoints li{padding:7px 0;border-top:1px solid var(--line)}
.where{display:flex;gap:2px 10px;align-items:baseline;font-size:12px;flex-wrap:wrap}.where b{font:600 12px ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}.limit{margin-left:auto}
.squares{display:flex;flex-wrap:wrap;gap:3px;margin-top:5px;font-size:12px;color:var(--soft)}.squares:empty{display:none}
i{display:inline-block;width:14px;height:14px;border-radius:3px;border:1.5px solid var(--soft);flex:none}
i.active{background:var(--active);border-color:var(--active)}
i.idle{background:var(--idle-fill);border-color:var(--idle)}i.tunnel{border-color:var(--active)}
i.connecting{border-style:dashed;background:none}
i.draining{background:repeating-linear-gradient(45deg,var(--soft) 0 2px,transparent 2px 5px)}
.facts{display:grid;grid-template-columns:repeat(3,1fr);gap:8px 14px;border-top:1px solid var(--line);padding-top:10px}
.facts dd{font-weight:600}
.retries{list-style:none;padding:0;margin-top:10px;font-size:13px}
.note{margin-top:10px;background:var(--warn-fill);border-radius:7px;padding:7px 10px;font-size:13px;overflow-wrap:anywhere}.note b{color:var(--warn)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;font-size:12px;font-weight:400}tbody th{font-size:13px;font-weight:600;color:var(--ink)}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}tbody tr:last-child>*{border-bottom:0}
.number{text-align:right}
td.cause{white-space:normal;min-width:260px;overflow-wrap:anywhere}
details{margin-top:8px}summary{cursor:pointer;padding:3px 0;overflow-wrap:anywhere}details[open]>summary{margin-bottom:6px}
details td{white-space:normal;overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--active);outline-offset:2px;border-radius:4px}
noscript p{color:var(--soft);margin-bottom:12px}
@media(max-width:560px){.tiles{display:grid;grid-template-columns:1fr 1fr;gap:14px}.tiles dd{font-size:22px}.tiles small{display:block}.facts{grid-template-columns:1fr 1fr}.limit{margin-left:0}}
@media(prefers-reduced-motion:no-preference){i{transition:background-color .25s,border-color .25s}}
`;
