//! `sheet`: twenty photos × three prompts on one picture.

use std::env;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::place::Place;
use crate::runtime;

/// Where the sheet goes unless `--out` says otherwise.
const SHEET: &str = "docs/contact-sheet.jpg";

pub(crate) fn sheet(place: &Place, args: &[String]) -> Result<(), Failure> {
    let out = match args {
        [] => place.root.join(SHEET),
        [flag, file] if flag == "--out" => PathBuf::from(file),
        _ => return Err(Failure::new("cargo xtask sheet [--out FILE.jpg]")),
    };
    let out = std::path::absolute(&out)
        .map_err(Failure::while_doing(format!("cannot resolve {}", out.display())))?;
    let data =
        env::var_os("KINORA_DATA").map_or_else(|| place.root.join("../shared/data"), PathBuf::from);
    let library = runtime::set_up(place)?;
    let mut run = place.cargo("run");
    run.args(["--release", "--package", "kinora", "--example", "contact_sheet", "--"]);
    run.arg(&data).arg(&out).env(runtime::VARIABLE, &library);
    let status = run.status().map_err(Failure::while_doing("cargo did not start"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new("the sheet was not made: see what the example says above"))
}
