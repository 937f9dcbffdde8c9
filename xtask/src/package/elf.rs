use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, Sym};

use crate::failure::Failure;

type Header = elf::FileHeader64<Endianness>;

/// What the gates ask of a shared library.
#[derive(Debug, Default)]
pub(super) struct Library {
    /// The least alignment of the parts that are loaded, bytes.
    pub(super) alignment: u64,
    /// Names that others may link against.
    pub(super) exported: Vec<String>,
    /// Names that it takes from others.
    pub(super) undefined: Vec<String>,
}

impl Library {
    /// Reads a 64-bit ELF library: every platform of ours that is not Apple's.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = Failure::while_doing("this is no 64-bit ELF library");
        Self::parse(bytes).map_err(wrong)
    }

    fn parse(bytes: &[u8]) -> object::Result<Self> {
        let header = Header::parse(bytes)?;
        let endian = header.endian()?;
        let loaded = header
            .program_headers(endian, bytes)?
            .iter()
            .filter(|part| part.p_type(endian) == elf::PT_LOAD)
            .map(|part| part.p_align(endian));
        let mut library = Self { alignment: loaded.min().unwrap_or(0), ..Self::default() };
        let sections = header.sections(endian, bytes)?;
        let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM)?;
        for symbol in symbols.iter() {
            let name = String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?).into_owned();
            if name.is_empty() || symbol.st_bind() == elf::STB_LOCAL {
                continue;
            }
            let list = if symbol.is_undefined(endian) {
                &mut library.undefined
            } else {
                &mut library.exported
            };
            list.push(name);
        }
        Ok(library)
    }
}
