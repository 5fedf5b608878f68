//! Bodies that decide, behind a gateway whose table has such a route.

use super::row::{Row, View, request};

pub const TABLE: &str = r#"
[[operation]]
permission = "deciding"
routes = ["POST /v1/{project_id}/deciding"]
actions = ["ecs:deciding:do"]
body_key = "do"
"#;

const LINE: &str = "POST /v1/{project}/deciding HTTP/1.1";
const JSON: &str = "Content-Type: application/json";
const DO: &str = "{\"do\":1}";

fn deciding(lines: &[&str], body: &str) -> Vec<u8> {
    let lines = [&[JSON], lines].concat();
    [request(LINE, &lines), body.into()].concat()
}

fn view(body: &str) -> View {
    View::new(LINE)
        .header(format!("content-length: {}", body.len()))
        .header("content-type: application/json")
        .with_body(body)
}

pub fn rows() -> Vec<Row> {
    let mut rows = refused();
    rows.extend(forwarded());
    rows
}

fn refused() -> Vec<Row> {
    let chunked = "Transfer-Encoding: chunked";
    let hidden = format!("{DO}POST / HTTP/1.1\r\n\r\n");
    vec![
        Row::new(
            "a deciding body with a second request in its length",
            deciding(&[&format!("Content-Length: {}", hidden.len())], &hidden),
        )
        .refused(400, "body_invalid"),
        Row::new("a deciding body without a length", deciding(&[], ""))
            .refused(400, "body_invalid"),
        Row::new(
            "a deciding body of no bytes",
            deciding(&["Content-Length: 0"], ""),
        )
        .refused(400, "body_invalid"),
        Row::new(
            "a deciding body of two members, split by chunks",
            deciding(
                &[chunked],
                "8\r\n{\"do\":1,\r\n9\r\n\"else\":2}\r\n0\r\n\r\n",
            ),
        )
        .refused(400, "body_members")
        .closed(),
        Row::new(
            "a deciding body with another coding of its transfer",
            deciding(
                &["Transfer-Encoding: gzip, chunked"],
                "8\r\n{\"do\":1}\r\n0\r\n\r\n",
            ),
        )
        .refused(400, "transfer_encoding")
        .closed(),
        Row::new(
            "a deciding body of a kind that waits for 100",
            deciding(
                &[
                    "Content-Encoding: gzip",
                    "Content-Length: 8",
                    "Expect: 100-continue",
                ],
                "",
            ),
        )
        .refused(415, "body_encoding")
        .closed(),
        Row::new(
            "a deciding body that is shorter than its length",
            deciding(&["Content-Length: 9"], DO),
        )
        .ended()
        .refused(400, "body_broken")
        .closed(),
    ]
}

fn forwarded() -> Vec<Row> {
    vec![
        Row::new("a deciding body", deciding(&["Content-Length: 8"], DO)).forwarded(view(DO)),
        Row::new(
            "a deciding body whose length begins with zeros",
            deciding(&["Content-Length: 0010"], "{\"do\":12 }"),
        )
        .forwarded(view("{\"do\":12 }")),
        Row::new(
            "a deciding body in chunks",
            deciding(
                &["Transfer-Encoding: chunked", "TE: trailers", "Trailer: X"],
                "1\r\n{\r\n7;a=b\r\n\"do\":1}\r\n0\r\nX: y\r\n\r\n",
            ),
        )
        .forwarded(view(DO))
        .closed(),
        Row::new(
            "a deciding body with a length and chunks",
            deciding(
                &["Content-Length: 8", "Transfer-Encoding: chunked"],
                "8\r\n{\"do\":1}\r\n0\r\n\r\n",
            ),
        )
        .forwarded(view(DO))
        .closed(),
        Row::new(
            "a deciding body that waits for 100",
            deciding(&["Content-Length: 8", "Expect: 100-continue"], ""),
        )
        .continued(DO)
        .forwarded(view(DO)),
        Row::new(
            "two deciding bodies",
            deciding(&["Content-Length: 8"], DO).repeat(2),
        )
        .forwarded(view(DO))
        .forwarded(view(DO)),
        Row::new(
            "a deciding body with an escape",
            deciding(&["Content-Length: 15"], "{\"\\u0064o\": 1 }"),
        )
        .forwarded(view("{\"\\u0064o\": 1 }")),
    ]
}
