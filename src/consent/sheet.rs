//! Data sheets: who receives what, where, and what they say they do with it.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;

use super::refused;
use crate::error::{Detail, Error, Result};

/// The sheets that ship, as of the day that they name.
const SHIPPED: &str = include_str!("sheets.json");
/// Bytes of a table.
const LIMIT: usize = 1 << 20;

/// The data sheets of all providers. An app may bring its own, newer than those that ship.
#[derive(Debug, Clone)]
pub struct Sheets {
    table: Arc<Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    checked: String,
    providers: Vec<ProviderSheet>,
}

/// What is known of one provider. Every text ends up in its [`Notice`](super::Notice), and a change
/// of any of them voids the grants that were given to the old one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ProviderSheet {
    /// Its short name, such as `fal`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The legal recipient.
    pub recipient: String,
    /// Whether others run the models behind it.
    pub gateway: bool,
    /// Who makes its models.
    pub vendors: Vec<Vendor>,
    /// Where it runs them.
    pub regions: Vec<Region>,
    /// How long it keeps what it gets.
    pub retention: String,
    /// Whether it trains on it.
    pub training: String,
    /// What can be deleted there, and how.
    pub deletion: String,
    /// Its privacy policy.
    pub privacy_policy: String,
    /// Where a person turns with their rights.
    pub contact: String,
    /// Names of the fields above that could not be checked against the provider's own pages.
    #[serde(default)]
    pub unverified: Vec<String>,
}

/// Who makes a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Its short name.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// Where models run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its short name.
    pub id: String,
    /// The place in words.
    pub place: String,
}

/// Whom a grant is for: a provider, the vendor behind it and the region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    pub(super) provider: String,
    pub(super) vendor: String,
    pub(super) region: String,
}

impl Destination {
    /// The provider's short name.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The vendor's short name.
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The region's short name.
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.provider, self.vendor, self.region)
    }
}

impl Sheets {
    /// The sheets that ship with this version.
    ///
    /// # Errors
    /// Never for a released version: a test reads them.
    pub fn shipped() -> Result<Self> {
        Self::from_json(SHIPPED)
    }

    /// Sheets of the app's own, in the same shape (src/consent/sheets.json is the example).
    ///
    /// # Errors
    /// `consent.sheets` for text that is no such table, that names a provider twice, or one without
    /// vendor or region.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::Consent(Detail::new(
                "consent.sheets",
                format!("the data sheets are wrong: {what}"),
            ))
        };
        if json.len() > LIMIT {
            return Err(wrong("longer than 1 MiB"));
        }
        let table: Table = serde_json::from_str(json).map_err(|e| wrong(&e.to_string()))?;
        let mut seen = HashSet::new();
        for sheet in &table.providers {
            let ids = std::iter::once(&sheet.id)
                .chain(sheet.vendors.iter().map(|vendor| &vendor.id))
                .chain(sheet.regions.iter().map(|region| &region.id));
            if !ids.into_iter().all(|id| is_short_name(id)) {
                return Err(wrong("a short name has other characters than a-z, 0-9 and '-'"));
            }
            if !seen.insert(&sheet.id) {
                return Err(wrong(&format!("{} is there twice", sheet.id)));
            }
            if sheet.vendors.is_empty() || sheet.regions.is_empty() {
                return Err(wrong(&format!("{} has no vendor or no region", sheet.id)));
            }
        }
        Ok(Self { table: Arc::new(table) })
    }

    /// The version of the table.
    pub fn version(&self) -> u32 {
        self.table.version
    }

    /// The day on which the statements were last checked, `YYYY-MM-DD`.
    pub fn checked(&self) -> &str {
        &self.table.checked
    }

    /// All sheets.
    pub fn providers(&self) -> &[ProviderSheet] {
        &self.table.providers
    }

    /// One provider's sheet.
    ///
    /// # Errors
    /// `consent.no_provider`, which names those that there are.
    pub fn provider(&self, id: &str) -> Result<&ProviderSheet> {
        self.table.providers.iter().find(|sheet| sheet.id == id).ok_or_else(|| {
            let ids: Vec<_> = self.table.providers.iter().map(|sheet| sheet.id.as_str()).collect();
            let message = format!("no provider is called {id}: there are {}", ids.join(", "));
            refused("consent.no_provider", message)
        })
    }

    /// The destination of those names; without a region, the provider's first.
    ///
    /// # Errors
    /// `consent.no_provider`, `consent.no_vendor`, `consent.no_region`.
    pub fn destination(
        &self,
        provider: &str,
        vendor: &str,
        region: Option<&str>,
    ) -> Result<Destination> {
        let sheet = self.provider(provider)?;
        let known = |what: &str, code, id: &str, ids: Vec<&str>| {
            if ids.contains(&id) {
                return Ok(id.to_owned());
            }
            let message = format!("{provider} has no {what} {id}: there are {}", ids.join(", "));
            Err(refused(code, message))
        };
        let vendors = sheet.vendors.iter().map(|vendor| vendor.id.as_str()).collect();
        let regions: Vec<_> = sheet.regions.iter().map(|region| region.id.as_str()).collect();
        let region = region.or(regions.first().copied()).unwrap_or_default();
        Ok(Destination {
            provider: sheet.id.clone(),
            vendor: known("vendor", "consent.no_vendor", vendor, vendors)?,
            region: known("region", "consent.no_region", region, regions)?,
        })
    }
}

fn is_short_name(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_sheets_read_and_name_their_gaps() {
        let sheets = Sheets::shipped().unwrap();
        assert!(sheets.providers().len() >= 7);
        let fields =
            ["recipient", "retention", "training", "deletion", "privacy_policy", "contact"];
        for sheet in sheets.providers() {
            for name in &sheet.unverified {
                assert!(fields.contains(&name.as_str()), "{}: {name}", sheet.id);
            }
        }
    }

    #[test]
    fn destinations_are_known_or_refused_by_name() {
        let sheets = Sheets::shipped().unwrap();
        let fal = sheets.destination("fal", "luma", None).unwrap();
        assert_eq!(fal.to_string(), "fal/luma/global");
        let code = |p, v, r| sheets.destination(p, v, r).unwrap_err().code();
        assert_eq!(code("nobody", "luma", None), "consent.no_provider");
        assert_eq!(code("fal", "openai", None), "consent.no_vendor");
        assert_eq!(code("fal", "luma", Some("mars")), "consent.no_region");
    }

    #[test]
    fn wrong_tables_are_refused() {
        for json in ["", "{}", r#"{"version":1,"checked":"x","providers":[],"more":1}"#] {
            assert_eq!(Sheets::from_json(json).unwrap_err().code(), "consent.sheets");
        }
        let twice = SHIPPED.replace("\"id\": \"kling\"", "\"id\": \"fal\"");
        assert_eq!(Sheets::from_json(&twice).unwrap_err().code(), "consent.sheets");
    }
}
