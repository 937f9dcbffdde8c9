use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Every number that was measured, and what kept others from being measured.
#[derive(Debug, Default)]
pub(super) struct Figures {
    by_key: BTreeMap<String, f64>,
    pub(super) problems: Vec<String>,
}

impl Figures {
    pub(super) fn get(&self, key: impl AsRef<str>) -> Option<f64> {
        self.by_key.get(key.as_ref()).copied()
    }

    /// Runs a program, shows what it writes and keeps the figures in it.
    pub(super) fn read_output(&mut self, name: &str, command: &mut Command) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return self.problems.push(format!("{name} did not start ({error})")),
        };
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("{line}");
                for (figure, value) in figure_line(&line).into_iter().chain(json_line(&line)) {
                    self.by_key.insert(format!("printed:{figure}"), value);
                }
            }
        }
        match child.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => self.problems.push(format!("{name} failed ({status})")),
            Err(error) => self.problems.push(format!("{name} was lost ({error})")),
        }
    }

    /// Takes the means that criterion left under target/criterion, in seconds.
    pub(super) fn read_criterion(&mut self, folder: &Path) {
        self.read_criterion_below(folder, String::new());
    }

    fn read_criterion_below(&mut self, folder: &Path, id: String) {
        if let Ok(json) = fs::read_to_string(folder.join("new").join("estimates.json")) {
            // Criterion counts in nanoseconds.
            match mean(&json) {
                Some(mean) => drop(self.by_key.insert(format!("criterion:{id}"), mean * 1e-9)),
                None => self.problems.push(format!("criterion's file about {id} has no mean")),
            }
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir()
                && !matches!(name.as_str(), "new" | "base" | "change" | "report")
            {
                let below = if id.is_empty() { name } else { format!("{id}/{name}") };
                self.read_criterion_below(&entry.path(), below);
            }
        }
    }
}

/// `figure NAME NUMBER`.
fn figure_line(line: &str) -> Option<(String, f64)> {
    let mut words = line.strip_prefix("figure ")?.split_whitespace();
    let name = words.next()?;
    let value: f64 = words.next()?.parse().ok()?;
    value.is_finite().then(|| (name.to_owned(), value))
}

/// The numbers of a flat JSON object with a `"what"`, each as `what.key`.
fn json_line(line: &str) -> Vec<(String, f64)> {
    let Some(object) = line.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Vec::new();
    };
    let pairs: Vec<(&str, &str)> = object
        .split(',')
        .filter_map(|pair| pair.split_once(':'))
        .map(|(key, value)| (key.trim().trim_matches('"'), value.trim()))
        .collect();
    let Some((_, what)) = pairs.iter().find(|(key, _)| *key == "what") else {
        return Vec::new();
    };
    let what = what.trim_matches('"');
    pairs
        .iter()
        .filter_map(|(key, value)| Some((format!("{what}.{key}"), value.parse().ok()?)))
        .collect()
}

/// `mean.point_estimate` of criterion's estimates.json.
fn mean(json: &str) -> Option<f64> {
    let mean = json.split_once("\"mean\"")?.1;
    let number = mean.split_once("\"point_estimate\":")?.1;
    number.split([',', '}']).next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{figure_line, json_line, mean};

    #[test]
    fn reads_figures() {
        assert_eq!(
            figure_line("figure faces.ratio 0.41 of theirs"),
            Some(("faces.ratio".to_owned(), 0.41))
        );
        assert_eq!(figure_line("figure faces.ratio NaN"), None);
        assert_eq!(figure_line("a figure 1"), None);
    }

    #[test]
    fn reads_json() {
        let line = r#"{"what":"face_time","size":640,"model":"yunet","ratio":0.37}"#;
        let read = json_line(line);
        assert_eq!(read, [("face_time.size".into(), 640.0), ("face_time.ratio".into(), 0.37)]);
        assert!(json_line(r#"{"ratio":1}"#).is_empty());
        assert!(json_line("{").is_empty());
    }

    #[test]
    fn reads_criterions_mean() {
        let json = r#"{"mean":{"confidence_interval":{"confidence_level":0.95,
            "lower_bound":1.0,"upper_bound":2.0},"point_estimate":1.5,"standard_error":0.1},
            "median":{"point_estimate":9.0}}"#;
        assert_eq!(mean(json), Some(1.5));
        assert_eq!(mean("{}"), None);
    }
}
