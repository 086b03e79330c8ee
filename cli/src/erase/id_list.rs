//! Lists of ids as people and spreadsheets write them.
//!
//! Each is read as what it means, or refused with its line and the reason: an id that is misread is a person who stays, or
//! another one who goes.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use uuid::Uuid;

/// The ids of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IdList {
    pub(super) ids: Vec<Listed>,
    /// The header that was passed over: its line and the name of the ids' column.
    pub(super) header: Option<(usize, String)>,
}

/// An id and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    /// From 1.
    pub(super) line: usize,
}

/// Why a list is not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {reason}")]
struct Refused {
    line: usize,
    reason: String,
}

const ONE_A_LINE: &str =
    "give one id a line, or a first line that names the columns, the ids' one user_id or id";

/// Names of a column of ids, the surer ones first; blanks, `-` and `.` are as `_`.
const HEADERS: [&str; 8] = ["user_id", "user_ids", "userid", "login_uuid", "uuid", "uuids", "id", "ids"];

const DELIMITERS: [char; 3] = ['\t', ';', ','];

/// Reads the list in `file`; `-` is standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<IdList> {
    let mut bytes = Vec::new();
    let name = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).context("the ids on standard input could not be read")?;
        "standard input".to_owned()
    } else {
        bytes = std::fs::read(file)
            .with_context(|| format!("the ids in {} could not be read", file.display()))?;
        file.display().to_string()
    };
    let list = text_of(&bytes).and_then(|text| parse(&text));
    let list = list.with_context(|| format!("the ids in {name} are not clear, nothing was done"))?;
    if list.ids.is_empty() {
        bail!("there is no id in {name}: give one a line");
    }
    Ok(list)
}

/// The text of a file in UTF-8 or UTF-16, with or without a byte order mark.
fn text_of(bytes: &[u8]) -> Result<String, Refused> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(Refused { line: 1, reason: "begins a text in UTF-32: save the list as UTF-8".to_owned() })
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => of_utf8(rest),
        [0xff, 0xfe, rest @ ..] => of_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => of_utf16(rest, u16::from_be_bytes),
        _ => {
            // Ids are of ASCII for the most part: in UTF-16 every other byte is 0, and which one tells the order.
            let zeros = |parity| bytes.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
            match (zeros(0), zeros(1)) {
                (0, zeros) if zeros * 4 > bytes.len() => of_utf16(bytes, u16::from_le_bytes),
                (zeros, 0) if zeros * 4 > bytes.len() => of_utf16(bytes, u16::from_be_bytes),
                _ => of_utf8(bytes),
            }
        }
    }
}

fn of_utf8(bytes: &[u8]) -> Result<String, Refused> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        Refused { line: line_behind(&before), reason: "is no UTF-8: save the list as UTF-8".to_owned() }
    })?;
    Ok(text.to_owned())
}

fn of_utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> Result<String, Refused> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    let cut = |text: &str| Refused {
        line: line_behind(text),
        reason: "is no whole UTF-16: save the list as UTF-8".to_owned(),
    };
    for character in char::decode_utf16(pairs.iter().map(|pair| order(*pair))) {
        text.push(character.map_err(|_| cut(&text))?);
    }
    if rest.is_empty() { Ok(text) } else { Err(cut(&text)) }
}

/// The number of the line that follows or goes on behind `text`.
fn line_behind(text: &str) -> usize {
    lines(text).count().max(1)
}

/// The lines, ended by LF, CRLF or CR; the last one may be empty.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// A value of a line.
struct Field {
    text: String,
    /// Blanks within quotes are meant.
    quoted: bool,
}

impl Field {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }
}

fn parse(text: &str) -> Result<IdList, Refused> {
    // DOS ended texts with it.
    let text = text.strip_suffix('\u{1a}').unwrap_or(text);
    // The first line that has one of them says which it is: names behind it may hold commas.
    let delimiter = lines(text).find_map(|line| {
        let counts = DELIMITERS.map(|delimiter| (line.matches(delimiter).count(), delimiter));
        counts.into_iter().filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count)
    });
    let delimiter = delimiter.map(|(_, delimiter)| delimiter);
    let mut rows = Vec::new();
    for (number, line) in lines(text).enumerate() {
        let line_number = number + 1;
        let row = fields(line, delimiter).map_err(|reason| Refused { line: line_number, reason })?;
        if row.iter().any(|field| !field.is_empty()) {
            rows.push((line_number, row));
        }
    }
    let Some((line, first)) = rows.first() else { return Ok(IdList { ids: Vec::new(), header: None }) };
    match id_column(first) {
        Some(column) => {
            let header = Some((*line, first[column].text.clone()));
            let ids = rows.into_iter().skip(1).map(|(line, row)| {
                let name = header.as_ref().map_or("", |(_, name)| name);
                let field = row.into_iter().nth(column).filter(|field| !field.is_empty());
                let field = field.ok_or_else(|| Refused {
                    line,
                    reason: format!("has no {name}: fill it in, or take it out"),
                })?;
                listed(line, field)
            });
            Ok(IdList { ids: ids.collect::<Result<_, _>>()?, header: header.clone() })
        }
        None => without_header(rows),
    }
}

/// One id a line, or several on a line that are told from a table's columns.
fn without_header(rows: Vec<(usize, Vec<Field>)>) -> Result<IdList, Refused> {
    let refused = |line| Refused {
        line,
        reason: format!("has several values and nothing says which of them is an id: {ONE_A_LINE}"),
    };
    let mut lists = Vec::new();
    for (line, row) in &rows {
        let values: Vec<&Field> = row.iter().filter(|field| !field.is_empty()).collect();
        if let [first, _, ..] = &values[..] {
            let shape = Shape::of(&first.text);
            if values.iter().any(|value| Shape::of(&value.text) != shape) {
                return Err(refused(*line));
            }
            // A list that goes on ends its lines with what parts its ids.
            let goes_on = row.last().is_some_and(Field::is_empty);
            lists.push((*line, shape == Shape::Uuid || goes_on));
        }
    }
    // Two lines of plain numbers or words are as likely a table.
    let told = lists.iter().take(lists.len().saturating_sub(1)).find(|(_, is_list)| !is_list);
    if let Some((line, _)) = told {
        return Err(refused(*line));
    }
    let values = rows.into_iter().flat_map(|(line, row)| {
        row.into_iter().filter(|field| !field.is_empty()).map(move |field| (line, field))
    });
    let ids = values.map(|(line, field)| listed(line, field)).collect::<Result<_, _>>()?;
    Ok(IdList { ids, header: None })
}

/// What ids of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Uuid,
    Number,
    Other,
}

impl Shape {
    fn of(text: &str) -> Self {
        if Uuid::try_parse(text).is_ok() {
            Self::Uuid
        } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Number
        } else {
            Self::Other
        }
    }
}

fn listed(line: usize, field: Field) -> Result<Listed, Refused> {
    let refused = |reason: &str| Err(Refused { line, reason: reason.to_owned() });
    if field.text.trim().is_empty() {
        return refused("has an empty id: take it out");
    }
    let by_spreadsheet = field.text.contains(['E', 'e'])
        && field.text.contains('+')
        && field.text.replace(',', ".").parse::<f64>().is_ok();
    if by_spreadsheet && !field.quoted {
        return refused("has a number that a spreadsheet has shortened: format its column as text");
    }
    Ok(Listed { id: field.text, line })
}

/// The column of the ids, where the line is a header.
fn id_column(row: &[Field]) -> Option<usize> {
    let names: Vec<String> =
        row.iter().map(|field| field.text.trim().to_lowercase().replace([' ', '-', '.'], "_")).collect();
    HEADERS.iter().find_map(|header| names.iter().position(|name| name == header))
}

/// Blanks, and what cannot be seen: the byte order mark that files which were put together have inside, and its like.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// The quote that closes what `opening` opens.
fn closing(opening: char) -> Option<char> {
    match opening {
        '"' | '\'' => Some(opening),
        '“' => Some('”'),
        '„' => Some('“'),
        '‘' => Some('’'),
        _ => None,
    }
}

/// The values of a line, without blanks and quotes around them.
fn fields(line: &str, delimiter: Option<char>) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let start = rest.trim_start_matches(|character| is_blank(character) && Some(character) != delimiter);
        let quote = start.chars().next().and_then(|opening| Some((opening, closing(opening)?)));
        let (field, behind) = match quote {
            Some((opening, closing)) => quoted(&start[opening.len_utf8()..], closing)?,
            None => {
                let end = delimiter.and_then(|delimiter| start.find(delimiter)).unwrap_or(start.len());
                let text = start[..end].trim_end_matches(is_blank).to_owned();
                if text.contains(['"', '“', '”', '„']) {
                    return Err(
                        "has a quote inside a value: put the whole value in quotes, or none".to_owned()
                    );
                }
                (Field { text, quoted: false }, &start[end..])
            }
        };
        if let Some(control) = field.text.chars().find(|character| character.is_control()) {
            return Err(format!("has the control character {control:?} in a value: take it out"));
        }
        fields.push(field);
        let behind =
            behind.trim_start_matches(|character| is_blank(character) && Some(character) != delimiter);
        match delimiter.and_then(|delimiter| behind.strip_prefix(delimiter)) {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(fields),
            None => {
                return Err(
                    "goes on behind a closing quote: put the whole value in quotes, or none".to_owned()
                );
            }
        }
    }
}

/// The value up to the closing quote, a doubled one being meant, and what follows it.
fn quoted(text: &str, closing: char) -> Result<(Field, &str), String> {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(closing) {
        value.push_str(before);
        match behind.strip_prefix(closing) {
            Some(more) => {
                value.push(closing);
                rest = more;
            }
            None => return Ok((Field { text: value, quoted: true }, behind)),
        }
    }
    Err("has a quote that is not closed on it: close it, or take it out".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "15e14bfd-f4a4-4bde-9212-794c90773f85";
    const B: &str = "35e90327-5266-41f7-b35d-6cc69d53fe97";
    const C: &str = "3df8cc30-8a59-469c-9a98-656b7681af28";

    fn list(bytes: &[u8]) -> Result<IdList, String> {
        text_of(bytes).and_then(|text| parse(&text)).map_err(|refused| refused.to_string())
    }

    fn ids(bytes: impl AsRef<[u8]>) -> Vec<String> {
        list(bytes.as_ref()).unwrap().ids.into_iter().map(|listed| listed.id).collect()
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_encoding_and_line_end_says_the_same() {
        for end in ["\n", "\r\n", "\r"] {
            for text in [format!("{A}{end}{B}{end}{C}"), format!("{A}{end}{end}  {B}\t{end}{C}{end}\u{1a}")] {
                for mark in ["", "\u{feff}"] {
                    let text = format!("{mark}{text}");
                    for bytes in [
                        text.as_bytes().to_vec(),
                        utf16(&text, u16::to_le_bytes),
                        utf16(&text, u16::to_be_bytes),
                    ] {
                        assert_eq!(ids(&bytes), [A, B, C], "{text:?} {:?}", &bytes[..4]);
                    }
                }
            }
        }
        let lines: Vec<usize> = list(format!("{A}\r\n\r\n{B}\r{C}\n").as_bytes())
            .unwrap()
            .ids
            .iter()
            .map(|listed| listed.line)
            .collect();
        assert_eq!(lines, [1, 3, 4]);
        // Files that were put together.
        assert_eq!(ids(format!("\u{feff}{A}\n\u{feff}{B}\u{a0}\n")), [A, B]);
        assert_eq!(ids("é-1\n日本\n"), ["é-1", "日本"]);
        assert_eq!(ids(utf16("\u{feff}é-1\n日本\n", u16::to_be_bytes)), ["é-1", "日本"]);
    }

    #[test]
    fn quotes_and_blanks_around_ids_are_none_of_them() {
        assert_eq!(ids(format!("\"{A}\"\n '{B}' \n“{C}”\n")), [A, B, C]);
        assert_eq!(
            ids("\" a\"\n\"say \"\"hi\"\"\"\n\"x,y\"\nO'Brien\n"),
            [" a", "say \"hi\"", "x,y", "O'Brien"]
        );
        assert_eq!(ids("id 1\n"), ["id 1"], "a blank inside is the id's own");
    }

    #[test]
    fn lists_by_commas_and_their_like() {
        for delimiter in [",", ", ", ";", " ; ", "\t"] {
            assert_eq!(ids([A, B, C].join(delimiter)), [A, B, C], "{delimiter:?}");
        }
        assert_eq!(ids(format!("{A},{B}\n{C}\n")), [A, B, C]);
        assert_eq!(ids(format!("{A},\n{B},\n{C}")), [A, B, C]);
        assert_eq!(ids(format!("\"{A}\",\"{B}\"\n\"{C}\"")), [A, B, C]);
        assert_eq!(ids("1, 2,\n3, 4,\n5"), ["1", "2", "3", "4", "5"], "it goes on");
        assert_eq!(ids("42,17"), ["42", "17"]);
    }

    #[test]
    fn a_header_names_the_column() {
        let one = list(format!("User ID\r\n{A}\r\n").as_bytes()).unwrap();
        assert_eq!(one.header, Some((1, "User ID".to_owned())));
        assert_eq!(one.ids, [Listed { id: A.to_owned(), line: 2 }]);
        let table = format!("name;\"user_id\";age\n\"Smith; John\";{A};42\nSmith, Jane;{B};\n\n");
        assert_eq!(ids(table), [A, B]);
        assert_eq!(ids("id,user_id\n1,7\n2,8\n"), ["7", "8"], "the surer name");
        assert_eq!(ids("age,id\n42,\"7\"\n42,8\n"), ["7", "8"]);
    }

    #[test]
    fn what_is_not_clear_is_refused_with_its_line() {
        let mut latin = format!("{A}\r\nM").into_bytes();
        latin.push(0xfc);
        let odd = [utf16(&format!("\u{feff}{A}\n{B}"), u16::to_le_bytes), vec![0x41]].concat();
        for (bytes, line, reason) in [
            (latin, 2, "UTF-8"),
            (odd, 2, "UTF-16"),
            (vec![0xff, 0xfe, 0, 0, 0x41, 0, 0, 0], 1, "UTF-32"),
            (b"abc\nde\0f\n".to_vec(), 2, "control character"),
            (format!("{A}\n\"{B}\n{C}\n").into_bytes(), 2, "not closed"),
            (format!("{A}\n{B}\"\n").into_bytes(), 2, "quote inside"),
            (format!("\"{A}\"x\n").into_bytes(), 1, "behind a closing quote"),
            (format!("{A},Jane\n").into_bytes(), 1, "several values"),
            (format!("{A}\n{B},42\n").into_bytes(), 2, "several values"),
            (b"1,42\n2,43\n".to_vec(), 1, "several values"),
            (b"ann,smith\nbob,jones\n".to_vec(), 1, "several values"),
            (b"user_id,age\n7,42\n,43\n".to_vec(), 3, "has no user_id"),
            (b"4.2E+10\n".to_vec(), 1, "spreadsheet"),
            (b"a\n\"\"\n".to_vec(), 2, "empty id"),
            (b"a\n\" \"\n".to_vec(), 2, "empty id"),
        ] {
            let refused = list(&bytes).unwrap_err();
            assert!(refused.starts_with(&format!("line {line} ")) && refused.contains(reason), "{refused}");
        }
        assert_eq!(ids(""), Vec::<String>::new());
        assert_eq!(ids("\u{feff}\r\n , ,\n"), Vec::<String>::new());
    }
}
