//! A document as one HTML file: styles and figures inside, no scripts, nothing from elsewhere; light or dark as the reader's
//! system is, and for print.

use super::document::{Block, Document, Rank, Table};
use super::svg::{DARK, LIGHT, escaped, inline};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1b1b;--paper:#fff;--dim:#5a5a5a;--rule:#d0d0d0;--shade:#f3f5f8;--note:#8a3b00}
body{font:16px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem}h2{font-size:1.3rem;margin-top:2.5rem;border-top:1px solid var(--rule);padding-top:1rem}h3{font-size:1.05rem}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
.caption{color:var(--dim);margin:0 0 .4rem}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th{border-bottom:2px solid var(--ink)}.w{text-align:left}tr.s td{font-weight:600;background:var(--shade)}
pre{background:var(--shade);padding:.8rem;overflow-x:auto;font-size:.85rem;line-height:1.35}
.note{border-left:4px solid var(--note);padding:.3rem .8rem;background:var(--shade);margin:.6rem 0}
figure{margin:1.2rem 0;overflow-x:auto}figcaption{color:var(--dim);font-size:.9rem;max-width:48rem}
svg{max-width:none;font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}
@media print{body{max-width:none;margin:0}h2,figure,table{break-inside:avoid}}
";

const DARK_PAGE: &str =
    ":root{--ink:#e8e8e8;--paper:#16181c;--dim:#a8a8a8;--rule:#3a3d44;--shade:#22252b;--note:#ff9f52}";

/// All of it.
pub fn render(document: &Document) -> String {
    let title = escaped(&document.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}{LIGHT}\n@media screen and (prefers-color-scheme:dark){{{DARK_PAGE}{DARK}}}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for block in &document.blocks {
        page.push_str(&match block {
            Block::Heading(Rank::Section, text) => format!("<h2>{}</h2>\n", escaped(text)),
            Block::Heading(Rank::Part, text) => format!("<h3>{}</h3>\n", escaped(text)),
            Block::Paragraph(text) => format!("<p>{}</p>\n", escaped(text)),
            Block::Warning(text) => format!("<p class=\"note\">{}</p>\n", escaped(text)),
            Block::Verbatim(text) => {
                format!("<pre>{}</pre>\n", text.lines().map(escaped).collect::<Vec<_>>().join("\n"))
            }
            Block::Table(table) => rows(table),
            Block::Figure(figure) => {
                format!("<figure>{}<figcaption>{}</figcaption></figure>\n", inline(figure), escaped(&figure.caption))
            }
        });
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn rows(table: &Table) -> String {
    let class = |at: usize| if at < table.words { " class=\"w\"" } else { "" };
    let line = |kind: &str, cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| format!("<{kind}{}>{}</{kind}>", class(at), escaped(cell));
        cells.iter().enumerate().map(cell).collect::<String>()
    };
    let row = |(at, cells): (usize, &Vec<String>)| {
        let strong = if table.strong.contains(&at) { " class=\"s\"" } else { "" };
        format!("<tr{strong}>{}</tr>\n", line("td", cells))
    };
    let caption = match table.caption.as_str() {
        "" => String::new(),
        // Not the table's own caption: that is as wide as the table, and a wide table scrolls.
        caption => format!("<p class=\"caption\">{}</p>\n", escaped(caption)),
    };
    format!(
        "{caption}<div class=\"scroll\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        line("th", &table.head),
        table.rows.iter().enumerate().map(row).collect::<String>()
    )
}
