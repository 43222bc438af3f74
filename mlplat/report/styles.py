"""The style of all pages; colors have a contrast of 4.5 or more in both color schemes."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--bg:#fff;--panel:#f6f8fa;--line:#d1d9e0;--fg:#1f2328;--dim:#59636e;--link:#0a58b8;
--ok:#1a7f37;--bad:#c21f2b;--live:#0a58b8;--idle:#59636e;--ok-bg:#e9f7ec;--bad-bg:#fdecec;--live-bg:#e8f2fe;
--idle-bg:#f2f4f6;--accent:#0969da;--heat:9 105 218;--group:#8a949e14}
@media screen and (prefers-color-scheme:dark){:root{--bg:#0d1117;--panel:#151b23;--line:#3d444d;--fg:#e6edf3;
--dim:#9aa4af;--link:#6cb0ff;--ok:#4cc464;--bad:#ff7b72;--live:#6cb0ff;--idle:#9aa4af;--ok-bg:#0f2417;--bad-bg:#331517;
--live-bg:#0e2138;--idle-bg:#1b222b;--accent:#4493f8;--heat:68 147 248;--group:#9198a114}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main{max-width:1280px;margin:0 auto;padding:20px 24px 48px}
a{color:var(--link)}
h1{font-size:22px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:16px;margin:32px 0 10px}
h3{font-size:14px;margin:18px 0 6px;overflow-wrap:anywhere}
p{margin:6px 0}
pre,code,.mono{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{margin:6px 0;padding:8px 12px;background:var(--panel);border:1px solid var(--line);border-radius:6px;
white-space:pre-wrap;overflow-wrap:anywhere}
.badge{display:inline-block;padding:1px 9px;border-radius:99px;font-weight:600;font-size:13px;border:1px solid}
.badge.ok{color:var(--ok);background:var(--ok-bg)}.badge.bad{color:var(--bad);background:var(--bad-bg)}
.badge.live{color:var(--live);background:var(--live-bg)}.badge.idle{color:var(--idle);background:var(--idle-bg)}
.head{display:flex;flex-wrap:wrap;gap:4px 12px;align-items:center}
.facts{display:flex;flex-wrap:wrap;gap:4px 28px;margin:12px 0 0}
.facts div{min-width:0}.facts dt{color:var(--dim);font-size:12px}.facts dd{margin:0;overflow-wrap:anywhere}
.note,caption,figcaption{color:var(--dim);font-size:12.5px}
.why{margin:10px 0 0;color:var(--bad);overflow-wrap:anywhere}
.failure{border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:6px;padding:10px 14px;
margin:0 0 10px}
.failure h3{margin:0}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:0 32px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600}
caption{text-align:left;padding-bottom:6px}
td,th{padding:4px 10px;border-bottom:1px solid var(--line);vertical-align:top}
.pairs{width:100%}.pairs th{width:1%;padding-right:24px;font-weight:400;color:var(--dim);
white-space:nowrap;max-width:min(22rem,40vw);overflow:hidden;
text-overflow:ellipsis}.pairs td{overflow-wrap:anywhere;white-space:pre-wrap}
.tasks{width:100%}.tasks td{white-space:nowrap}.tasks th[scope=row]{font-weight:400;overflow-wrap:anywhere;
padding-left:calc(10px + 1.4em + var(--d,0)*18px);min-width:calc(13rem + var(--d,0)*18px)}
.tasks .m{margin-left:-1.4em}
.tasks thead th,.data thead th{position:sticky;top:0;background:var(--panel);z-index:1}
.tasks td.message{white-space:normal;overflow-wrap:anywhere;color:var(--dim)}
.tasks td.message:not(:empty){min-width:14rem}
.tasks .g th[scope=row]{font-weight:600}
.m{display:inline-block;width:1.4em}
.ok .m,.m.ok{color:var(--ok)}.bad .m,.m.bad{color:var(--bad)}.live .m,.m.live{color:var(--live)}
.idle .m{color:var(--idle)}
tr.bad .phase{color:var(--bad);font-weight:600}
.when{min-width:200px;width:26%}
.bar{display:block;height:10px;margin:6px 0;border-radius:3px;background:var(--idle);margin-left:calc(var(--s)*1%);
width:max(3px,calc(var(--w)*1%))}
.ok .bar{background:var(--ok)}.bad .bar{background:var(--bad)}.live .bar{background:var(--live)}.g .bar{opacity:.4}
.scroll{overflow:auto;max-height:max(80vh,1100px);border:1px solid var(--line);border-radius:6px}
.scroll:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.scroll pre{border:0;margin:0}
.data td,.data th{max-width:28rem;overflow-wrap:anywhere}.data tbody th{min-width:9rem}
.data thead th{min-width:5rem}
.graph{display:block;margin:0 auto;font:12px system-ui,sans-serif}
.graph .edge{fill:none;stroke:var(--dim);stroke-width:1.2}
.graph .group{fill:var(--group);stroke:var(--line);stroke-dasharray:4 3}.graph .group.bad{stroke:var(--bad)}
.graph .node rect{fill:var(--idle-bg);stroke:var(--idle)}.graph .node.ok rect{fill:var(--ok-bg);stroke:var(--ok)}
.graph .node.bad rect{fill:var(--bad-bg);stroke:var(--bad);stroke-width:2}
.graph .node.live rect{fill:var(--live-bg);stroke:var(--live)}.graph .node.cached rect{stroke-dasharray:5 3}
.graph text{fill:var(--fg)}.graph .note{fill:var(--dim);font-size:11px}.graph .name{font-size:12.5px}
.graph a:hover rect,.graph a:focus rect{stroke-width:2.5}
details{border:1px solid var(--line);border-radius:6px;margin:0 0 4px}
summary{cursor:pointer;padding:4px 12px;overflow-wrap:anywhere}
details[open]>summary{border-bottom:1px solid var(--line)}
.inside{padding:4px 14px 12px}
details>.inside:target{background:var(--panel)}
.artifact{border:1px solid var(--line);border-radius:6px;padding:10px 14px;margin:0 0 12px}
.artifact h3{margin:0 0 2px}
.artifact iframe{width:100%;border:1px solid var(--line);border-radius:4px;resize:vertical;background:#fff;
margin-top:8px}
@media screen and (prefers-color-scheme:dark){.artifact iframe[sandbox=""]{background:var(--bg)}}
.artifact img{max-width:100%;max-height:640px;margin-top:8px;background:#fff;border-radius:4px}
.artifact .scroll{margin-top:8px;max-height:420px}
.charts{display:flex;flex-wrap:wrap;gap:8px 32px;align-items:flex-start}
.slice{width:100%;margin:8px 0 0;font-weight:600}
.matrix{margin:10px 0}.matrix caption{white-space:nowrap}.matrix td{text-align:right;
background:rgb(var(--heat)/var(--part,0%))}
.matrix td,.matrix th{border:1px solid var(--line)}
.roc{margin:10px 0}.roc .plot{fill:none;stroke:var(--line)}.roc .chance{stroke:var(--dim);stroke-dasharray:4 4}
.roc .curve{fill:none;stroke:var(--accent);stroke-width:2}.roc .tick{fill:var(--dim);font:11px system-ui,sans-serif}
.differs{background:var(--live-bg)}.same{color:var(--dim)}
.compared td{overflow-wrap:anywhere;min-width:9rem}
.compared td.note{width:1%;min-width:0;white-space:nowrap}.compared{min-width:100%}
footer{margin-top:36px;color:var(--dim);font-size:12.5px}
@media print{main{max-width:none;padding:0}.scroll{max-height:none;overflow:visible;border:0}
.failure,.artifact,tr,figure{break-inside:avoid}h2,h3,summary{break-after:avoid}
.badge,.bar,.matrix td,.graph *{print-color-adjust:exact}.graph{max-width:100%;height:auto}
details::details-content{content-visibility:visible;block-size:auto}.tasks thead th,.data thead th{position:static}
.tasks td,.tasks th[scope=row],.pairs th{white-space:normal;overflow-wrap:anywhere;min-width:0}
.tasks .when{min-width:90px;width:20%}
.tasks td.message:not(:empty){min-width:0}}
""".replace("\n", "")
"""Rules for all elements of the pages."""
