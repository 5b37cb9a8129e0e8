//! A picture in kitty's graphics protocol: sent once under one name, beneath the text, scaled to its cells by the terminal.
//!
//! <https://sw.kovidgoyal.net/kitty/graphics-protocol/>. `q=2` keeps the terminal from answering: nobody waits for it, and an
//! answer would be read as keys. Deliberately absent: compression (the pictures are small), files and shared memory (the terminal
//! may sit on another machine).

use super::Picture;

/// The one name in use, of this program's.
const NAME: u32 = 0x656D;
/// At most so many characters at a time, says the protocol.
const CHUNK: usize = 4_096;
/// Takes the picture down and frees it.
pub const TAKE_DOWN: &str = "\x1b_Ga=d,d=I,i=25965,q=2\x1b\\";

/// Puts the picture up instead of the one before; the cursor stays.
pub fn show(picture: &Picture) -> String {
    let area = picture.area;
    let rgb: Vec<u8> = picture
        .steps
        .iter()
        .flat_map(|step| picture.colours.get(usize::from(*step)).map_or([0; 3], |(r, g, b)| [*r, *g, *b]))
        .collect();
    let data = base64(&rgb);
    let mut text = format!("\x1b7\x1b[{};{}H", area.y + 1, area.x + 1);
    let mut keys = format!(
        "a=T,f=24,i={NAME},p=1,s={},v={},c={},r={},z=-1,C=1,q=2,",
        picture.width, picture.height, area.width, area.height
    );
    let mut rest = data.as_str();
    while !rest.is_empty() {
        let (chunk, others) = rest.split_at(CHUNK.min(rest.len()));
        rest = others;
        text.push_str(&format!("\x1b_G{keys}m={};{chunk}\x1b\\", u8::from(!rest.is_empty())));
        keys = "q=2,".to_owned();
    }
    text + "\x1b8"
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sign = char::from(SIGNS[(bits >> (18 - 6 * place) & 63) as usize]);
            text.push(if place <= three.len() { sign } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let known = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in known {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xBF]), "+/+/");
    }

    #[test]
    fn the_name_is_the_same_on_the_way_out() {
        assert!(TAKE_DOWN.contains(&format!("i={NAME},")));
    }
}
