//! Names as they stand in an email address, letter by letter as the API does it: `Ødegård` is `odegard`, `رضا` is `rda`.

/// The lower-case ASCII letters and digits of a name; everything else is spelled out or left out.
pub(super) fn email_part(name: &str) -> String {
    let mut part = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            part.push(letter);
        } else {
            part.push_str(spelled(letter));
        }
    }
    part
}

fn spelled(letter: char) -> &'static str {
    match letter {
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ä' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ð' | 'đ' => "d",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'ğ' => "g",
        'í' | 'î' | 'ï' | 'ı' => "i",
        'ñ' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'š' | 'ş' => "s",
        'ß' => "ss",
        'ú' | 'ù' | 'û' | 'ü' => "u",
        'ž' => "z",
        _ => spelled_cyrillic(letter),
    }
}

fn spelled_cyrillic(letter: char) -> &'static str {
    match letter {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "h",
        'ґ' => "g",
        'д' => "d",
        'е' => "e",
        'є' => "ye",
        'ж' => "zh",
        'з' => "z",
        'и' => "y",
        'і' | 'ї' | 'й' => "i",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ю' => "yu",
        'я' => "ya",
        _ => spelled_persian(letter),
    }
}

fn spelled_persian(letter: char) -> &'static str {
    match letter {
        'ا' | 'آ' | 'ع' => "a",
        'ب' => "b",
        'پ' => "p",
        'ت' | 'ط' => "t",
        'ث' | 'س' | 'ص' => "s",
        'ج' => "j",
        'چ' => "ch",
        'ح' | 'ه' => "h",
        'خ' => "kh",
        'د' | 'ض' => "d",
        'ذ' | 'ز' | 'ظ' => "z",
        'ر' => "r",
        'ژ' => "zh",
        'ش' => "sh",
        'غ' => "gh",
        'ف' => "f",
        'ق' => "q",
        'ک' => "k",
        'گ' => "g",
        'ل' => "l",
        'م' => "m",
        'ن' => "n",
        'و' => "w",
        'ی' => "y",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::email_part;

    #[test]
    fn every_script_becomes_ascii() {
        let names = ["Ødegård", "Weiß", "van den Berg", "O'Neill", "İpek", "Якименко", "یزدانی", "Đorđe"];
        let parts = ["odegard", "weiss", "vandenberg", "oneill", "ipek", "yakymenko", "yzdany", "dorde"];
        assert_eq!(names.map(email_part), parts);
    }
}
