use std::fmt::Write;

use super::tree::Tree;

/// One part of something.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) license: Option<String>,
    pub(super) sha256: Option<String>,
    /// Where registries have it.
    pub(super) purl: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Library,
    Model,
}

impl Component {
    /// Its name inside the list.
    pub(super) fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn json(&self) -> String {
        let kind = match self.kind {
            Kind::Library => "library",
            Kind::Model => "machine-learning-model",
        };
        let mut fields = vec![
            format!("\"type\": {}", quoted(kind)),
            format!("\"bom-ref\": {}", quoted(&self.reference())),
            format!("\"name\": {}", quoted(&self.name)),
            format!("\"version\": {}", quoted(&self.version)),
        ];
        if let Some(sum) = &self.sha256 {
            let sum = quoted(sum);
            fields.push(format!("\"hashes\": [{{ \"alg\": \"SHA-256\", \"content\": {sum} }}]"));
        }
        if let Some(license) = &self.license {
            fields.push(format!("\"licenses\": [{{ \"expression\": {} }}]", quoted(license)));
        }
        if let Some(purl) = &self.purl {
            fields.push(format!("\"purl\": {}", quoted(purl)));
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

/// CycloneDX 1.5 as JSON, in the order of the references.
pub(super) fn write(tree: &Tree) -> String {
    let root = tree.components.get(&tree.root).map(Component::json).unwrap_or_default();
    let components: Vec<String> = tree
        .components
        .iter()
        .filter(|(reference, _)| **reference != tree.root)
        .map(|(_, component)| format!("    {}", component.json()))
        .collect();
    let dependencies: Vec<String> = tree
        .components
        .keys()
        .map(|reference| {
            let used = tree.uses.get(reference).into_iter().flatten();
            let used: Vec<String> = used.map(|used| quoted(used)).collect();
            let used = used.join(", ");
            format!("    {{ \"ref\": {}, \"dependsOn\": [{used}] }}", quoted(reference))
        })
        .collect();
    format!(
        "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \
         \"metadata\": {{ \"component\": {root} }},\n  \"components\": [\n{}\n  ],\n  \
         \"dependencies\": [\n{}\n  ]\n}}\n",
        components.join(",\n"),
        dependencies.join(",\n")
    )
}

/// A JSON text.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Writing to a text cannot fail.
            c if c < ' ' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(quoted("a\"b\\c\nd"), r#""a\"b\\c\u000ad""#);
    }
}
