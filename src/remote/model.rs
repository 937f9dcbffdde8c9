//! The table of remote models: who offers what, under which name, and what it takes.

use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::failed;
use crate::consent::{Destination, Sheets};
use crate::error::Result;

/// The table that ships, as of the day that it names.
const SHIPPED: &str = include_str!("models.json");
const LIMIT: usize = 1 << 20;

/// The remote models that can be asked for, and the hosts of their providers. An app may bring its
/// own table, newer than the one that ships, or with a gateway of its own.
#[derive(Debug, Clone)]
pub struct Models {
    table: Arc<Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: u32,
    checked: String,
    hosts: Vec<Hosts>,
    models: Vec<RemoteModel>,
}

/// Where a provider is reached in one region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hosts {
    provider: String,
    region: String,
    /// The origin that credentials go to.
    pub(crate) api: Url,
    /// Further origins that credentials go to.
    #[serde(default)]
    pub(crate) more: Vec<Url>,
    /// Domains that results may come from; hosts below them too.
    pub(crate) media: Vec<String>,
}

/// One remote model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RemoteModel {
    /// `provider/model`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Who makes it, a short name of the provider's data sheet.
    pub vendor: String,
    /// The wire protocol.
    pub(crate) wire: WireName,
    /// Its name on the wire.
    pub(crate) model: String,
    /// The lengths that it makes, in seconds, shortest first.
    pub seconds: Vec<u32>,
    /// The sizes that it makes, smallest first; empty where it follows the photo.
    pub sizes: Vec<RemoteSize>,
    /// Whether it needs a photo.
    pub photo: Need,
    /// Whether it takes a video.
    #[serde(default)]
    pub video: bool,
    /// What is particular to it on the wire.
    pub(crate) fields: std::collections::BTreeMap<String, String>,
    /// What a photo must be; Kinora scales it down to that.
    pub image: ImageLimits,
    /// Characters of the prompt.
    pub prompt: usize,
    /// Whether it takes a seed.
    pub seed: bool,
    /// Set where the provider has switched it off.
    #[serde(default)]
    pub retired: Option<Retired>,
}

/// A size that a model makes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSize {
    /// Its name on the wire.
    pub name: String,
    /// The shorter side in pixels.
    pub short: u32,
}

/// Whether something must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Without it there is no clip.
    Needed,
    /// The words alone will do.
    Optional,
}

/// What a photo must be to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageLimits {
    /// Least pixels of the shorter side.
    pub min_side: u32,
    /// Most pixels of the longer side.
    pub max_side: u32,
    /// Most bytes of the encoded photo.
    pub max_bytes: usize,
    /// Least width through height.
    pub min_ratio: f64,
    /// Most width through height.
    pub max_ratio: f64,
}

/// A model that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Since when, `YYYY-MM-DD`.
    pub on: String,
    /// Another model's id, to ask for instead.
    pub instead: String,
}

/// A wire protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireName {
    Fal,
    Kling,
    KlingLegacy,
    Dashscope,
    Interactions,
    Veo,
    Openai,
    Bedrock,
}

impl RemoteModel {
    /// The provider's short name.
    pub fn provider(&self) -> &str {
        self.id.split_once('/').map_or(self.id.as_str(), |(provider, _)| provider)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Models {
    /// The table that ships with this version.
    ///
    /// # Errors
    /// Never for a released version: a test reads it.
    pub fn shipped() -> Result<Self> {
        Self::from_json(SHIPPED)
    }

    /// A table of the app's own, in the same shape (src/remote/models.json is the example).
    ///
    /// # Errors
    /// `remote.models` for text that is no such table, an origin that is not HTTPS, or a model
    /// without length.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong =
            |what: &str| failed("remote.models", format!("the table of models is wrong: {what}"));
        if json.len() > LIMIT {
            return Err(wrong("longer than 1 MiB"));
        }
        let table: Table = serde_json::from_str(json).map_err(|e| wrong(&e.to_string()))?;
        for hosts in &table.hosts {
            for origin in std::iter::once(&hosts.api).chain(&hosts.more) {
                if origin.scheme() != "https" || origin.host_str().is_none() || origin.path() != "/"
                {
                    return Err(wrong(&format!("{origin} is no HTTPS origin")));
                }
            }
            if hosts.media.iter().any(|domain| !domain.contains('.') || domain.starts_with('.')) {
                return Err(wrong("a media domain is not one such as example.com"));
            }
        }
        for model in &table.models {
            let sorted =
                model.seconds.is_sorted() && model.sizes.is_sorted_by_key(|size| size.short);
            if model.seconds.is_empty() || !sorted || !model.id.contains('/') {
                return Err(wrong(&format!("{} has no length, or not in order", model.id)));
            }
        }
        Ok(Self { table: Arc::new(table) })
    }

    /// The day on which the table was last checked, `YYYY-MM-DD`.
    pub fn checked(&self) -> &str {
        &self.table.checked
    }

    /// The version of the table.
    pub fn version(&self) -> u32 {
        self.table.version
    }

    /// All models, the retired ones too.
    pub fn all(&self) -> &[RemoteModel] {
        &self.table.models
    }

    /// The model with that id, or the first living one of a provider.
    ///
    /// # Errors
    /// `remote.no_model`, which names those of the provider.
    pub fn model(&self, id: &str) -> Result<&RemoteModel> {
        let mut own = self.table.models.iter().filter(|model| model.provider() == id);
        let found = self.table.models.iter().find(|model| model.id == id);
        found
            .or_else(|| own.find(|model| model.retired.is_none()))
            .or_else(|| self.retired(id))
            .ok_or_else(|| {
                let ids: Vec<_> = self
                    .table
                    .models
                    .iter()
                    .filter(|model| model.retired.is_none())
                    .map(|model| model.id.as_str())
                    .collect();
                let message =
                    format!("no remote model is called {id}: there are {}", ids.join(", "));
                failed("remote.no_model", message)
            })
    }

    fn retired(&self, provider: &str) -> Option<&RemoteModel> {
        self.table.models.iter().find(|model| model.provider() == provider)
    }

    /// Where a model's requests go.
    pub(crate) fn hosts(&self, destination: &Destination) -> Result<&Hosts> {
        let found = self.table.hosts.iter().find(|hosts| {
            hosts.provider == destination.provider() && hosts.region == destination.region()
        });
        found.ok_or_else(|| {
            let message = format!("the table of models has no host for {destination}");
            failed("remote.models", message)
        })
    }

    /// Whom a model's consent is about.
    ///
    /// # Errors
    /// `consent.no_provider`, `consent.no_vendor`, `consent.no_region`.
    pub fn destination(
        &self,
        model: &RemoteModel,
        sheets: &Sheets,
        region: Option<&str>,
    ) -> Result<Destination> {
        sheets.destination(model.provider(), &model.vendor, region)
    }
}

impl Hosts {
    /// Whether a credential may go there.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        std::iter::once(&self.api).chain(&self.more).any(|own| own.origin() == url.origin())
    }

    /// Whether a result may come from there.
    pub(crate) fn is_media(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        url.scheme() == "https"
            && url.port().is_none()
            && self.media.iter().any(|domain| {
                host == domain
                    || host.strip_suffix(domain.as_str()).is_some_and(|h| h.ends_with('.'))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_has_sheet_vendor_and_hosts() {
        let (models, sheets) = (Models::shipped().unwrap(), Sheets::shipped().unwrap());
        for model in models.all() {
            let regions: Vec<_> = sheets.provider(model.provider()).unwrap().regions.clone();
            for region in regions {
                let d = models.destination(model, &sheets, Some(&region.id)).unwrap();
                models.hosts(&d).unwrap();
            }
            if let Some(retired) = &model.retired {
                assert!(models.model(&retired.instead).unwrap().retired.is_none());
            }
        }
        assert_eq!(models.model("fal").unwrap().id, "fal/kling-2.5-turbo");
        assert_eq!(models.model("openai").unwrap().id, "openai/sora-2");
        assert_eq!(models.model("nobody").unwrap_err().code(), "remote.no_model");
    }

    #[test]
    fn media_come_from_listed_domains_over_https_only() {
        let (models, sheets) = (Models::shipped().unwrap(), Sheets::shipped().unwrap());
        let fal = models.destination(models.model("fal").unwrap(), &sheets, None).unwrap();
        let hosts = models.hosts(&fal).unwrap();
        let media = |url: &str| hosts.is_media(&Url::parse(url).unwrap());
        assert!(media("https://v3.fal.media/files/x.mp4") && media("https://fal.media/x"));
        for url in [
            "http://v3.fal.media/x",
            "https://fal.media.evil.com/x",
            "https://evilfal.media/x",
            "https://fal.media:8443/x",
            "https://fal.media@evil.com/x",
            "https://127.0.0.1/x",
        ] {
            assert!(!media(url), "{url}");
        }
        assert!(hosts.is_own(&Url::parse("https://queue.fal.run/a").unwrap()));
        assert!(!hosts.is_own(&Url::parse("https://queue.fal.run:444/a").unwrap()));
    }

    #[test]
    fn wrong_tables_are_refused() {
        let plain = SHIPPED.replace("https://queue.fal.run", "http://queue.fal.run");
        let wide = SHIPPED.replace("\"fal.media\"", "\"media\"");
        for json in ["", &plain, &wide] {
            assert_eq!(Models::from_json(json).unwrap_err().code(), "remote.models");
        }
    }
}
