"""The style sheet of tear sheets: JupyterLab's colours where there are some, ours elsewhere."""

CSS = """
.nl-sheet{--nl-ink:var(--jp-content-font-color1,var(--nl-page-ink,#1c2330));
--nl-muted:var(--jp-content-font-color2,var(--nl-page-muted,#667085));
--nl-line:var(--jp-border-color2,var(--nl-page-line,#e6e9ef));
--nl-card:var(--jp-layout-color1,var(--nl-page-card,#fff));
--nl-warn:var(--nl-page-warn,color-mix(in srgb,var(--jp-warn-color1,#d97706) 72%,var(--nl-ink)));
--nl-loss:color-mix(in srgb,#e5383f 82%,var(--nl-ink));
color:var(--nl-ink);font:13px/1.45 Inter,'Segoe UI','Helvetica Neue',Arial,sans-serif;
max-width:1080px;padding:4px 2px 10px}
.nl-sheet h3{font-size:18px;font-weight:650;margin:0;letter-spacing:-.01em}
.nl-sheet h4{font-size:11px;font-weight:600;margin:0 0 6px;color:var(--nl-muted);
text-transform:uppercase;letter-spacing:.05em}
.nl-sheet .nl-subtitle{color:var(--nl-muted);margin:2px 0 0}
.nl-sheet .nl-caption{margin:10px 0 0;padding:7px 12px;border-left:3px solid var(--nl-warn);
border-radius:3px;color:var(--nl-warn);font-weight:550;
background:color-mix(in srgb,var(--nl-warn) 9%,transparent)}
.nl-sheet .nl-caption b{background:var(--nl-warn);color:var(--nl-card);border-radius:3px;
padding:1px 7px;margin-right:8px;font-size:11px;letter-spacing:.06em;white-space:nowrap}
.nl-sheet .nl-facts{display:flex;flex-wrap:wrap;gap:1px;margin:14px 0 0;
background:var(--nl-line);border:1px solid var(--nl-line);border-radius:8px;overflow:hidden}
.nl-sheet .nl-facts div{flex:1 1 120px;padding:9px 12px;box-sizing:border-box;
background:var(--nl-card)}
/* notebook pages float the terms of a list and give them a fifth of its width */
.nl-sheet .nl-facts dt,.nl-sheet .nl-facts dd{display:block;float:none;width:auto;padding:0}
.nl-sheet .nl-facts dt{font-size:11px;color:var(--nl-muted);white-space:nowrap;overflow:hidden;
text-overflow:ellipsis}
.nl-sheet .nl-facts dd{margin:1px 0 0;font-size:17px;font-weight:600;
font-variant-numeric:tabular-nums}
.nl-sheet .nl-grid-row{display:grid;gap:14px;margin:14px 0 0;align-items:start;
grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}
.nl-sheet .nl-wide{grid-column:1/-1}
.nl-sheet .nl-chart,.nl-sheet .nl-table{border:1px solid var(--nl-line);border-radius:8px;
padding:10px 12px;background:var(--nl-card);overflow-x:auto;min-width:0}
.nl-sheet svg.nl-preview{display:block;width:100%;max-width:640px;height:auto}
.nl-sheet svg.nl-preview text{font-size:10.5px;fill:var(--nl-muted);
font-variant-numeric:tabular-nums}
.nl-sheet svg.nl-preview .nl-grid{stroke:var(--nl-line);stroke-width:1}
.nl-sheet .nl-legend{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:11.5px;
color:var(--nl-muted);padding:4px 0 0 8px}
.nl-sheet .nl-legend i{display:inline-block;width:9px;height:9px;border-radius:2px;
margin-right:5px}
.nl-sheet table{border-collapse:collapse;table-layout:auto;width:100%;margin:0;
font-variant-numeric:tabular-nums;
font-size:12.5px}
.nl-sheet .nl-table th{font-weight:600;color:var(--nl-muted);border-bottom:1px solid var(--nl-line);
padding:4px 8px;text-align:left;white-space:nowrap;background:transparent}
.nl-sheet .nl-table td{padding:3.5px 8px;text-align:left;white-space:nowrap;
border-bottom:1px solid color-mix(in srgb,var(--nl-line) 55%,transparent);}
.nl-sheet tbody tr:nth-child(n){background:transparent}
.nl-sheet tbody tr:last-child td{border-bottom:0}
.nl-sheet .nl-table th.nl-number,.nl-sheet .nl-table td.nl-number{text-align:right}
.nl-sheet td.nl-negative,.nl-sheet dd.nl-negative{color:var(--nl-loss)}
.nl-sheet .nl-note{color:var(--nl-muted);font-size:11.5px;margin:6px 0 0}
""".strip().replace("\n", "")

# theme -> the colours of a page of our own
PAGES = {
    "light": "--nl-page-ink:#1c2330;--nl-page-muted:#667085;--nl-page-line:#e6e9ef;"
    "--nl-page-card:#fff;--nl-page-warn:#b45309;background:#f7f8fa;color-scheme:light",
    "dark": "--nl-page-ink:#e6e9ef;--nl-page-muted:#98a2b3;--nl-page-line:#2a3140;"
    "--nl-page-card:#12161e;--nl-page-warn:#f5b849;background:#0b0e14;color-scheme:dark",
}
