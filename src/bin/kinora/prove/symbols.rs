//! The names that an executable takes from other libraries, by its ELF table.

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, Sym};

/// Names by which a program could reach another machine, or look one up. Without `socket` and what
/// stands here, a program has no socket that the others could be called with.
const NETWORK: [&str; 12] = [
    "socket",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "getaddrinfo",
    "getnameinfo",
    "gethostbyname",
    "gethostbyname_r",
    "res_query",
    "res_search",
];

/// Which of [`NETWORK`] a 64-bit ELF file takes.
pub(super) fn network(bytes: &[u8]) -> object::Result<Vec<String>> {
    let header = elf::FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM)?;
    let mut found = Vec::new();
    for symbol in symbols.iter().filter(|symbol| symbol.is_undefined(endian)) {
        let name = String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?);
        if NETWORK.contains(&&*name) {
            found.push(name.into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The smallest ELF file that takes `names`, for the control: a header, their table and its texts.
pub(super) fn taking(names: &[&str]) -> Vec<u8> {
    const HEADER: usize = 64;
    const SYMBOL: usize = 24;
    let mut texts = vec![0u8];
    let mut table = vec![0u8; SYMBOL];
    for name in names {
        // Global and undefined: a place in the texts, a kind, and no section.
        let mut symbol = [0u8; SYMBOL];
        symbol[..4].copy_from_slice(&(texts.len() as u32).to_le_bytes());
        symbol[4] = (elf::STB_GLOBAL.0 << 4) | elf::STT_FUNC.0;
        table.extend(symbol);
        texts.extend(name.bytes().chain([0]));
    }
    let sections = HEADER + table.len() + texts.len();
    let mut file = vec![0u8; HEADER];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16] = 3;
    file[20] = 1;
    file[40..48].copy_from_slice(&(sections as u64).to_le_bytes());
    file[52] = HEADER as u8;
    file[58] = 64;
    file[60] = 3;
    file[62] = 2;
    file.extend(&table);
    file.extend(&texts);
    // Kind, place, length, the section of its texts, the first global, the length of an entry.
    let texts_at = HEADER + table.len();
    for [kind, at, length, link, info, each] in
        [[0; 6], [11, HEADER, table.len(), 2, 1, SYMBOL], [3, texts_at, texts.len(), 0, 0, 0]]
    {
        let mut section = [0u8; 64];
        section[4] = kind as u8;
        section[24..32].copy_from_slice(&(at as u64).to_le_bytes());
        section[32..40].copy_from_slice(&(length as u64).to_le_bytes());
        section[40] = link as u8;
        section[44] = info as u8;
        section[56] = each as u8;
        file.extend(section);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_network_are_found_and_others_are_not() {
        let file = taking(&["read", "socket", "socketpair", "getaddrinfo"]);
        assert_eq!(network(&file).unwrap(), ["getaddrinfo", "socket"]);
        assert!(network(&taking(&["read", "write"])).unwrap().is_empty());
        assert!(network(b"\x7fELF and so on").is_err());
    }
}
